// SPDX-License-Identifier: Apache-2.0

package faultfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vfs/faultfs"
)

func TestRule_SkipTimesAndShort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fsys := faultfs.New(vfs.OS())
	fsys.Add(faultfs.Rule{Op: faultfs.Write, Path: "data", Skip: 1, Times: 1, Err: syscall.ENOSPC, Short: 2})
	f, err := fsys.OpenFile(filepath.Join(dir, "data"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, want := range []struct {
		n   int
		err error
	}{{4, nil}, {2, syscall.ENOSPC}, {4, nil}} {
		n, err := f.WriteAt([]byte("abcd"), int64(4*i))
		if n != want.n || !errors.Is(err, want.err) {
			t.Fatalf("write %d: %d, %v; want %d, %v", i, n, err, want.n, want.err)
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "data"))
	if err != nil || string(got) != "abcdab\x00\x00abcd" {
		t.Fatalf("got %q, %v", got, err)
	}
	if n := fsys.Count(faultfs.Write); n != 3 {
		t.Fatalf("counted %d writes, want 3", n)
	}
}

func TestRule_OtherPathsPass(t *testing.T) {
	t.Parallel()
	fsys := faultfs.New(vfs.OS())
	fsys.Add(faultfs.Rule{Op: faultfs.Sync, Path: "meta", Err: syscall.EIO})
	if err := vfs.WriteFileAtomic(fsys, filepath.Join(t.TempDir(), "data"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := vfs.WriteFileAtomic(fsys, filepath.Join(t.TempDir(), "meta"), []byte("x"), 0o600); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v, want EIO", err)
	}
	fsys.Clear()
	if err := vfs.WriteFileAtomic(fsys, filepath.Join(t.TempDir(), "meta"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
