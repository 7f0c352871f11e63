// SPDX-License-Identifier: Apache-2.0

package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hivecloud/hive/internal/vfs"
)

// BenchmarkReadAtNowait is the read of a guest that finds its block in the page cache.
func BenchmarkReadAtNowait(b *testing.B) {
	f, err := vfs.OS().OpenFile(filepath.Join(b.TempDir(), "f"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 4096)
	if _, err := f.WriteAt(p, 0); err != nil {
		b.Fatal(err)
	}
	if _, err := f.ReadAtNowait(p, 0); err != nil {
		b.Skipf("file system cannot read without waiting: %v", err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.ReadAtNowait(p, 0); err != nil {
			b.Fatal(err)
		}
	}
}
