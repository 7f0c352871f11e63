// SPDX-License-Identifier: Apache-2.0

package powercut_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vfs/powercut"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, f *powercut.FS, name string) vfs.File {
	t.Helper()
	h, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	return h
}

// outcomes crashes the same script under many seeds and counts what is found.
func outcomes(t *testing.T, script func(*powercut.FS), look func(*powercut.FS) string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range uint64(200) {
		f := powercut.New(seed)
		script(f)
		f.Crash()
		seen[look(f)]++
	}
	return seen
}

func content(f *powercut.FS, name string) string {
	data, err := vfs.ReadFile(f, name, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return "gone"
	}
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestCrash_SyncedFileAndNameSurvive(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(f *powercut.FS) {
		must(t, vfs.WriteFileAtomic(f, "/a", []byte("one"), 0o600))
	}, func(f *powercut.FS) string { return content(f, "/a") })
	if len(got) != 1 || got["one"] == 0 {
		t.Fatalf("got %v", got)
	}
}

func TestCrash_NameWithoutSyncDirMayGoThoughTheFileWasSynced(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(f *powercut.FS) {
		h := open(t, f, "/a")
		_, err := h.WriteAt([]byte("one"), 0)
		must(t, err)
		must(t, h.Sync())
	}, func(f *powercut.FS) string { return content(f, "/a") })
	if len(got) != 2 || got["one"] == 0 || got["gone"] == 0 {
		t.Fatalf("got %v, want both", got)
	}
}

func TestCrash_RenameIsWholeOrNot(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(f *powercut.FS) {
		must(t, vfs.WriteFileAtomic(f, "/a", []byte("one"), 0o600))
		must(t, vfs.WriteFileAtomic(f, "/b", []byte("two"), 0o600))
		must(t, f.Rename("/a", "/b"))
	}, func(f *powercut.FS) string { return content(f, "/a") + " " + content(f, "/b") })
	if len(got) != 2 || got["one two"] == 0 || got["gone one"] == 0 {
		t.Fatalf("got %v", got)
	}
}

func TestCrash_UnsyncedWritesReorderAndTearAtSectors(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(f *powercut.FS) {
		must(t, vfs.WriteFileAtomic(f, "/a", bytes.Repeat([]byte{'0'}, 1024), 0o600))
		h := open(t, f, "/a")
		for _, c := range "12" {
			_, err := h.WriteAt(bytes.Repeat([]byte{byte(c)}, 1024), 0)
			must(t, err)
		}
	}, func(f *powercut.FS) string {
		c := content(f, "/a")
		for i := range 512 {
			if c[i] != c[0] || c[512+i] != c[512] {
				return "torn inside a sector"
			}
		}
		return fmt.Sprintf("%c%c", c[0], c[512])
	})
	for _, want := range []string{"00", "01", "10", "11", "12", "21", "22", "02", "20"} {
		if got[want] == 0 {
			t.Errorf("never saw %s in %v", want, got)
		}
	}
	if len(got) != 9 {
		t.Errorf("got %v", got)
	}
}

func TestKill_KeepsUnsyncedDataButNoHandlesOrLocks(t *testing.T) {
	t.Parallel()
	f := powercut.New(1)
	h := open(t, f, "/a")
	must(t, h.Lock())
	_, err := h.WriteAt([]byte("one"), 0)
	must(t, err)
	f.Kill()
	if _, err := h.WriteAt([]byte("x"), 0); !errors.Is(err, powercut.ErrPowerOff) {
		t.Fatalf("write through a dead handle: %v", err)
	}
	if got := content(f, "/a"); got != "one" {
		t.Fatalf("got %q", got)
	}
	must(t, open(t, f, "/a").Lock())
}

func TestIgnoreSyncs_LosesWhatWasSynced(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(f *powercut.FS) {
		f.IgnoreSyncs()
		must(t, vfs.WriteFileAtomic(f, "/a", []byte("one"), 0o600))
	}, func(f *powercut.FS) string { return content(f, "/a") })
	if got["gone"] == 0 {
		t.Fatalf("got %v, the lie was not noticed", got)
	}
}

func TestFailAfter_EveryStepOfAnAtomicReplaceKeepsOldOrNew(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for n := 0; ; n++ {
		f := powercut.New(uint64(n))
		must(t, vfs.WriteFileAtomic(f, "/a", []byte("old"), 0o600))
		f.FailAfter(n)
		err := vfs.WriteFileAtomic(f, "/a", []byte("new"), 0o600)
		f.Crash()
		got := content(f, "/a")
		seen[got]++
		if err == nil {
			if got != "new" {
				t.Fatalf("acknowledged, but found %q", got)
			}
			break
		}
		if !errors.Is(err, powercut.ErrPowerOff) {
			t.Fatal(err)
		}
	}
	if len(seen) != 2 || seen["old"] < 3 {
		t.Fatalf("got %v", seen)
	}
}

func TestMkdirAllDurable_EveryNewNameSurvives(t *testing.T) {
	t.Parallel()
	got := outcomes(t, func(f *powercut.FS) {
		must(t, vfs.MkdirAllDurable(f, "/a/b/c", 0o700))
	}, func(f *powercut.FS) string {
		_, err := f.Stat("/a/b/c")
		return fmt.Sprint(err)
	})
	if len(got) != 1 || got["<nil>"] == 0 {
		t.Fatalf("got %v", got)
	}
}
