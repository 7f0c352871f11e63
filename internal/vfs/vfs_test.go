// SPDX-License-Identifier: Apache-2.0

package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vfs/faultfs"
	"github.com/hivecloud/hive/internal/vfs/powercut"
)

// each runs a test on every implementation: they promise the same things.
func each(t *testing.T, test func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Run("os", func(t *testing.T) {
		t.Parallel()
		test(t, vfs.OS(), t.TempDir())
	})
	t.Run("powercut", func(t *testing.T) {
		t.Parallel()
		test(t, powercut.New(1), "/")
	})
	t.Run("faultfs without rules", func(t *testing.T) {
		t.Parallel()
		test(t, faultfs.New(vfs.OS()), t.TempDir())
	})
}

func mustOpen(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFile_WriteReadHolesAndZeros(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := mustOpen(t, fsys, filepath.Join(dir, "f"))
		must(t, f.Truncate(1<<20))
		data := bytes.Repeat([]byte{7}, 64<<10)
		_, err := f.WriteAt(data, 128<<10)
		must(t, err)

		at, err := f.NextData(0)
		if err != nil || at != 128<<10 {
			t.Fatalf("next data %d, %v", at, err)
		}
		at, err = f.NextHole(128 << 10)
		if err != nil || at != 192<<10 {
			t.Fatalf("next hole %d, %v", at, err)
		}
		if _, err := f.NextData(192 << 10); err != io.EOF {
			t.Fatalf("data after the last: %v, want io.EOF", err)
		}
		must(t, f.PunchHole(128<<10, 4<<10))
		must(t, f.ZeroRange(132<<10, 4<<10))
		got := make([]byte, 64<<10)
		_, err = f.ReadAt(got, 128<<10)
		must(t, err)
		want := bytes.Clone(data)
		clear(want[:8<<10])
		if !bytes.Equal(got, want) {
			t.Fatal("content differs after punch and zero")
		}
		if size, err := f.Size(); err != nil || size != 1<<20 {
			t.Fatalf("size %d, %v", size, err)
		}
		if n, err := f.Allocated(); err != nil || n < 56<<10 || n > 128<<10 {
			t.Fatalf("allocated %d, %v", n, err)
		}
		must(t, f.Datasync())
	})
}

func TestReadAtNowait_ReadsWhatIsInMemory(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		f := mustOpen(t, fsys, filepath.Join(dir, "f"))
		_, err := f.WriteAt([]byte("hello"), 0)
		must(t, err)
		got := make([]byte, 5)
		n, err := f.ReadAtNowait(got, 0)
		if err != nil && !errors.Is(err, vfs.ErrWouldBlock) {
			t.Fatal(err)
		}
		if err == nil && string(got[:n]) != "hello" {
			t.Fatalf("got %q", got[:n])
		}
		if _, err := f.ReadAtNowait(got, 3); !errors.Is(err, vfs.ErrWouldBlock) {
			t.Fatalf("read over the end: %v, want ErrWouldBlock", err)
		}
	})
}

func TestLock_SecondHandleIsRefusedUntilTheFirstCloses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		a, b := mustOpen(t, fsys, filepath.Join(dir, "f")), mustOpen(t, fsys, filepath.Join(dir, "f"))
		must(t, a.Lock())
		if err := b.Lock(); !errors.Is(err, vfs.ErrLocked) {
			t.Fatalf("got %v, want ErrLocked", err)
		}
		must(t, a.Close())
		must(t, b.Lock())
	})
}

func TestCopySparse_KeepsContentAndHoles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		src, dst := mustOpen(t, fsys, filepath.Join(dir, "src")), mustOpen(t, fsys, filepath.Join(dir, "dst"))
		must(t, src.Truncate(8<<20))
		for _, off := range []int64{0, 1 << 20, 8<<20 - 4096} {
			_, err := src.WriteAt(bytes.Repeat([]byte{byte(off>>20) + 1}, 4096), off)
			must(t, err)
		}
		must(t, vfs.CopySparse(t.Context(), dst, src, 8<<20))
		want, got := make([]byte, 8<<20), make([]byte, 8<<20)
		_, err := src.ReadAt(want, 0)
		must(t, err)
		_, err = dst.ReadAt(got, 0)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatal("copy differs")
		}
		if n, _ := dst.Allocated(); n > 1<<20 {
			t.Fatalf("copy takes %d bytes, holes were filled", n)
		}
	})
}

func TestNames_RenameReplacesAndMissingIsNotExist(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, fsys vfs.FS, dir string) {
		must(t, fsys.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
		must(t, vfs.WriteFileAtomic(fsys, filepath.Join(dir, "a/b/x"), []byte("one"), 0o600))
		must(t, vfs.WriteFileAtomic(fsys, filepath.Join(dir, "a/b/x"), []byte("two"), 0o600))
		got, err := vfs.ReadFile(fsys, filepath.Join(dir, "a/b/x"), 100)
		if err != nil || string(got) != "two" {
			t.Fatalf("got %q, %v", got, err)
		}
		if _, err := vfs.ReadFile(fsys, filepath.Join(dir, "a/b/x"), 2); err == nil {
			t.Fatal("a file over the limit was read")
		}
		entries, err := fsys.ReadDir(filepath.Join(dir, "a/b"))
		must(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if d := cmp.Diff([]string{"x"}, names); d != "" {
			t.Fatal(d)
		}
		if err := fsys.Remove(filepath.Join(dir, "a/b")); !errors.Is(err, syscall.ENOTEMPTY) {
			t.Fatalf("remove of a full directory: %v", err)
		}
		must(t, fsys.RemoveAll(filepath.Join(dir, "a")))
		must(t, fsys.RemoveAll(filepath.Join(dir, "a")))
		if _, err := fsys.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("got %v, want not exist", err)
		}
		if free, total, err := fsys.Free(dir); err != nil || free <= 0 || total < free {
			t.Fatalf("free %d of %d, %v", free, total, err)
		}
	})
}

func TestWriteFileAtomic_FailureLeavesTheOldContentAndNoRest(t *testing.T) {
	t.Parallel()
	for _, op := range []faultfs.Op{faultfs.Open, faultfs.Write, faultfs.Sync, faultfs.Rename} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fsys := faultfs.New(vfs.OS())
			name := filepath.Join(dir, "f")
			must(t, vfs.WriteFileAtomic(fsys, name, []byte("old"), 0o600))
			fsys.Add(faultfs.Rule{Op: op, Err: syscall.EIO, Short: 1})
			if err := vfs.WriteFileAtomic(fsys, name, []byte("new"), 0o600); !errors.Is(err, syscall.EIO) {
				t.Fatalf("got %v, want EIO", err)
			}
			got, err := os.ReadFile(name)
			if err != nil || string(got) != "old" {
				t.Fatalf("got %q, %v", got, err)
			}
			entries, _ := os.ReadDir(dir)
			if len(entries) != 1 || strings.Contains(entries[0].Name(), ".tmp-") {
				t.Fatalf("left behind: %v", entries)
			}
		})
	}
}
