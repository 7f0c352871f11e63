// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/hivecloud/hive/internal/vfs"
)

// open makes a file of a size.
func open(t *testing.T, name string, size int64) vfs.File {
	t.Helper()
	f, err := vfs.OS().OpenFile(filepath.Join(t.TempDir(), name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRuns_SparseFileArrivesAsItIs(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	src, dst := open(t, "src", size), open(t, "dst", size)
	want := map[int64][]byte{0: []byte("boot"), 17 << 20: bytes.Repeat([]byte("x"), 3<<20), size - 5: []byte("tail!")}
	for off, b := range want {
		if _, err := src.WriteAt(b, off); err != nil {
			t.Fatal(err)
		}
	}
	a, b := net.Pipe()
	sent := make(chan error, 1)
	go func() { sent <- sendRuns(t.Context(), a, src, size) }()
	if err := receiveRuns(b, dst, size); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	for off, b := range want {
		got := make([]byte, len(b))
		if _, err := dst.ReadAt(got, off); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("at %d: %.20q, %v", off, got, err)
		}
	}
	if used, err := dst.Allocated(); err != nil || used > size/4 {
		t.Fatalf("a sparse file of %d bytes takes %d at its end (%v)", size, used, err)
	}
}

func TestRuns_WhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	run := func(off uint64, n uint32, data string) []byte {
		return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, off), n), data...)
	}
	for name, stream := range map[string][]byte{
		"past the end":    run(98, 4, "abcd"),
		"far past":        run(1<<63+5, 4, "abcd"),
		"empty run":       run(0, 0, ""),
		"huge run":        run(0, 1<<31, ""),
		"cut in a run":    run(0, 4, "ab"),
		"without its end": run(0, 4, "abcd"),
	} {
		a, b := net.Pipe()
		go func() {
			_, _ = a.Write(stream) // the receiver may have left
			a.Close()
		}()
		if err := receiveRuns(b, open(t, "dst", 100), 100); err == nil {
			t.Errorf("%s: accepted", name)
		}
		b.Close()
	}
}
