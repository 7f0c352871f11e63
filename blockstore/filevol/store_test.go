// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vfs/powercut"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func mustStore(t *testing.T, cfg Config) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := New(cfg)
	must(t, err)
	must(t, s.Open())
	t.Cleanup(func() { s.Close() })
	return s
}

func mustVolume(t *testing.T, s *Store, id string, epoch uint64) *Volume {
	t.Helper()
	v, err := s.OpenVolume(t.Context(), id, epoch)
	must(t, err)
	t.Cleanup(func() { v.Close(t.Context()) })
	return v
}

// image writes a raw file with data at both ends and a hole between.
func image(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	copy(content, bytes.Repeat([]byte("boot"), 1024))
	copy(content[size-100:], "the end of the image")
	path = filepath.Join(t.TempDir(), "image.raw")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(int64(size)))
	for _, off := range []int{0, size - 100} {
		_, err = f.WriteAt(content[off:min(off+4096, size)], int64(off))
		must(t, err)
	}
	return path, content
}

func TestCreateVolume_SameAgainIsFineOtherIsConflict(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	path, _ := image(t, 1<<20)
	_, err := s.ImportSnapshot(t.Context(), "snap-1", path)
	must(t, err)
	spec := VolumeSpec{ID: "vol-1", SizeBytes: 2 << 20, Snapshot: "snap-1"}
	must(t, s.CreateVolume(t.Context(), spec))
	v := mustVolume(t, s, "vol-1", 1)
	must(t, v.Grow(t.Context(), 4<<20))
	must(t, s.CreateVolume(t.Context(), spec)) // grown meanwhile: still what was asked for
	for _, other := range []VolumeSpec{
		{ID: "vol-1", SizeBytes: 4 << 20, Snapshot: "snap-1"},
		{ID: "vol-1", SizeBytes: 2 << 20},
	} {
		wantErr(t, s.CreateVolume(t.Context(), other), blockstore.ErrConflict)
	}
	got, err := s.StatVolume("vol-1")
	must(t, err)
	got.AllocatedBytes = 0
	if d := cmp.Diff(VolumeInfo{ID: "vol-1", SizeBytes: 4 << 20, Epoch: 1, Snapshot: "snap-1"}, got); d != "" {
		t.Fatal(d)
	}
}

func TestCreateVolume_BadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	path, _ := image(t, 1<<20)
	_, err := s.ImportSnapshot(t.Context(), "snap-1", path)
	must(t, err)
	for name, c := range map[string]struct {
		spec VolumeSpec
		want error
	}{
		"no id":             {VolumeSpec{SizeBytes: 4096}, blockstore.ErrInvalid},
		"path as id":        {VolumeSpec{ID: "../x", SizeBytes: 4096}, blockstore.ErrInvalid},
		"hidden id":         {VolumeSpec{ID: ".new-x", SizeBytes: 4096}, blockstore.ErrInvalid},
		"long id":           {VolumeSpec{ID: strings.Repeat("x", 65), SizeBytes: 4096}, blockstore.ErrInvalid},
		"no size":           {VolumeSpec{ID: "v"}, blockstore.ErrInvalid},
		"odd size":          {VolumeSpec{ID: "v", SizeBytes: 4097}, blockstore.ErrInvalid},
		"too large":         {VolumeSpec{ID: "v", SizeBytes: 16 << 40}, blockstore.ErrInvalid},
		"unknown snapshot":  {VolumeSpec{ID: "v", SizeBytes: 4096, Snapshot: "snap-2"}, blockstore.ErrNotFound},
		"smaller than snap": {VolumeSpec{ID: "v", SizeBytes: 4096, Snapshot: "snap-1"}, blockstore.ErrInvalid},
	} {
		if err := s.CreateVolume(t.Context(), c.spec); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	list, err := s.Volumes()
	if err != nil || len(list) != 0 {
		t.Fatalf("left behind: %v, %v", list, err)
	}
}

func TestSnapshot_PadsHashesAndClonesSparsely(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	path, content := image(t, 16<<20-1000)
	info, err := s.ImportSnapshot(t.Context(), "snap-1", path)
	must(t, err)
	padded := append(bytes.Clone(content), make([]byte, 1000)...)
	sum := sha256.Sum256(padded)
	if info.SizeBytes != 16<<20 || info.SHA256 != hex.EncodeToString(sum[:]) || info.AllocatedBytes > 1<<20 {
		t.Fatalf("got %+v", info)
	}
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 32 << 20, Snapshot: "snap-1"}))
	must(t, s.DeleteSnapshot(t.Context(), "snap-1")) // a clone is on its own
	must(t, s.DeleteSnapshot(t.Context(), "snap-1"))
	v := mustVolume(t, s, "vol-1", 1)
	got := make([]byte, 32<<20)
	must(t, v.ReadAt(t.Context(), got, 0))
	if !bytes.Equal(got[:16<<20], padded) || !bytes.Equal(got[16<<20:], make([]byte, 16<<20)) {
		t.Fatal("clone differs from the image")
	}
	if vi, err := s.StatVolume("vol-1"); err != nil || vi.AllocatedBytes > 1<<20 {
		t.Fatalf("clone takes %d bytes, %v", vi.AllocatedBytes, err)
	}
}

func TestImportSnapshot_SameContentAgainIsFineOtherIsConflict(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	path, _ := image(t, 1<<20)
	first, err := s.ImportSnapshot(t.Context(), "snap-1", path)
	must(t, err)
	again, err := s.ImportSnapshot(t.Context(), "snap-1", path)
	must(t, err)
	if d := cmp.Diff(first, again); d != "" {
		t.Fatal(d)
	}
	must(t, os.WriteFile(path, []byte("other"), 0o600))
	_, err = s.ImportSnapshot(t.Context(), "snap-1", path)
	wantErr(t, err, blockstore.ErrConflict)
	must(t, os.Truncate(path, 1<<20))
	_, err = s.ImportSnapshot(t.Context(), "snap-1", path)
	wantErr(t, err, blockstore.ErrConflict)
	_, err = s.ImportSnapshot(t.Context(), "snap-2", path+".missing")
	wantErr(t, err, blockstore.ErrNotFound)
	must(t, os.Truncate(path, 0))
	_, err = s.ImportSnapshot(t.Context(), "snap-2", path)
	wantErr(t, err, blockstore.ErrInvalid)
}

func TestEpoch_LowerIsFencedAndZeroIsInvalid(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 4096}))
	v := mustVolume(t, s, "vol-1", 5)
	_, err := s.OpenVolume(t.Context(), "vol-1", 6)
	wantErr(t, err, blockstore.ErrInUse)
	wantErr(t, s.DeleteVolume(t.Context(), "vol-1"), blockstore.ErrInUse)
	must(t, v.Close(t.Context()))
	wantErr(t, v.Close(t.Context()), blockstore.ErrClosed)
	wantErr(t, v.Flush(t.Context()), blockstore.ErrClosed)
	_, err = s.OpenVolume(t.Context(), "vol-1", 4)
	wantErr(t, err, blockstore.ErrFenced)
	_, err = s.OpenVolume(t.Context(), "vol-1", 0)
	wantErr(t, err, blockstore.ErrInvalid)
	_, err = s.OpenVolume(t.Context(), "vol-2", 1)
	wantErr(t, err, blockstore.ErrNotFound)
	mustVolume(t, s, "vol-1", 5)
}

func TestDeleteVolume_TwiceAndDamaged(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	for _, id := range []string{"a", "b"} {
		must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: id, SizeBytes: 4096}))
	}
	must(t, os.Remove(filepath.Join(s.dir, "volumes/b/lock")))
	must(t, os.Remove(filepath.Join(s.dir, "volumes/b/meta")))
	_, err := s.OpenVolume(t.Context(), "b", 1)
	wantErr(t, err, blockstore.ErrCorrupt)
	list, err := s.Volumes()
	must(t, err)
	if len(list) != 2 || list[0].Problem != "" || list[1].Problem == "" {
		t.Fatalf("got %+v", list)
	}
	for _, id := range []string{"a", "b", "a", "b"} {
		must(t, s.DeleteVolume(t.Context(), id))
	}
	entries, _ := os.ReadDir(filepath.Join(s.dir, "volumes"))
	if len(entries) != 0 {
		t.Fatalf("left behind: %v", entries)
	}
}

func TestOpenVolume_LongerFileIsCutShorterIsCorrupt(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 8192}))
	data := filepath.Join(s.dir, "volumes/vol-1/data")
	must(t, os.WriteFile(data, bytes.Repeat([]byte{9}, 20000), 0o600))
	v := mustVolume(t, s, "vol-1", 1)
	must(t, v.Grow(t.Context(), 16384))
	tail := make([]byte, 8192)
	must(t, v.ReadAt(t.Context(), tail, 8192))
	if !bytes.Equal(tail, make([]byte, 8192)) {
		t.Fatal("a grown volume shows old bytes")
	}
	must(t, v.Close(t.Context()))
	must(t, os.Truncate(data, 4096))
	_, err := s.OpenVolume(t.Context(), "vol-1", 1)
	wantErr(t, err, blockstore.ErrCorrupt)
}

func TestStore_SecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	other, err := New(Config{Dir: s.dir})
	must(t, err)
	wantErr(t, other.Open(), blockstore.ErrInUse)
}

func TestReserve_CreationsMayNotEatIt(t *testing.T) {
	t.Parallel()
	disk := powercut.New(1)
	s := mustStore(t, Config{Dir: "/store", FS: disk, ReserveBytes: 10 << 20})
	f, err := disk.OpenFile("/image", os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	_, err = f.WriteAt(make([]byte, 1<<20), 0)
	must(t, err)
	_, err = s.ImportSnapshot(t.Context(), "snap-1", "/image")
	must(t, err)
	disk.SetFree(10<<20 + 512<<10)
	_, err = s.ImportSnapshot(t.Context(), "snap-2", "/image")
	wantErr(t, err, blockstore.ErrNoSpace)
	wantErr(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 1 << 20, Snapshot: "snap-1"}), blockstore.ErrNoSpace)
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-2", SizeBytes: 1 << 30})) // empty: takes nothing yet
	disk.SetFree(10 << 20)
	wantErr(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-3", SizeBytes: 4096}), blockstore.ErrNoSpace)
	space, err := s.Space()
	must(t, err)
	if d := cmp.Diff(Space{FreeBytes: 10 << 20, TotalBytes: 2 << 40, ReserveBytes: 10 << 20}, space); d != "" {
		t.Fatal(d)
	}
}

// script does one of everything that changes the store.
func script(t *testing.T, s *Store) error {
	ctx := t.Context()
	if _, err := s.ImportSnapshot(ctx, "snap-1", "/image"); err != nil {
		return err
	}
	if err := s.CreateVolume(ctx, VolumeSpec{ID: "vol-1", SizeBytes: 16384, Snapshot: "snap-1"}); err != nil {
		return err
	}
	v, err := s.OpenVolume(ctx, "vol-1", 3)
	if err != nil {
		return err
	}
	if err := errors.Join(v.Grow(ctx, 32768), v.Close(ctx)); err != nil {
		return err
	}
	if err := s.DeleteSnapshot(ctx, "snap-1"); err != nil {
		return err
	}
	return s.DeleteVolume(ctx, "vol-1")
}

// TestCrash_AtEveryStepNothingIsHalfMade cuts the power after each single operation of the script. After every cut
// the store opens, what is listed is whole, and the script runs to its end.
func TestCrash_AtEveryStepNothingIsHalfMade(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		disk := powercut.New(uint64(n))
		f, err := disk.OpenFile("/image", os.O_CREATE|os.O_RDWR, 0o600)
		must(t, err)
		content := bytes.Repeat([]byte{0xab}, 8192)
		_, err = f.WriteAt(content, 0)
		must(t, errors.Join(err, f.Sync(), disk.SyncDir("/")))

		disk.FailAfter(n)
		s, err := New(Config{Dir: "/store", FS: disk})
		must(t, err)
		err = s.Open()
		if err == nil {
			err = script(t, s)
		}
		disk.Crash()
		after := mustStore(t, Config{Dir: "/store", FS: disk})
		checkWhole(t, after, content)
		for _, dir := range []string{after.volumesDir(), after.snapshotsDir()} {
			entries, listErr := disk.ReadDir(dir)
			must(t, listErr)
			for _, e := range entries {
				if isLeftover(e.Name()) {
					t.Fatalf("cut after %d operations leaves %s", n, e.Name())
				}
			}
		}
		if err == nil {
			if n < 50 {
				t.Fatalf("the script took only %d operations", n)
			}
			return
		}
		if vi, statErr := after.StatVolume("vol-1"); statErr == nil && vi.Epoch <= 3 {
			must(t, script(t, after))
		}
	}
}

// TestKillThenPowerCut_WhatIsAnsweredTwiceIsDurable kills the process after each single operation, repeats the requests
// in a new one, which finds most of the work done, and cuts the power. What the repetition answered must be there: "it
// exists already" is an acknowledgement too.
func TestKillThenPowerCut_WhatIsAnsweredTwiceIsDurable(t *testing.T) {
	t.Parallel()
	t.Run("opened", func(t *testing.T) { killThenPowerCut(t, 16384) })
	t.Run("opened and grown", func(t *testing.T) { killThenPowerCut(t, 32768) })
}

func killThenPowerCut(t *testing.T, size int64) {
	t.Parallel()
	setUp := func(s *Store) error {
		ctx := t.Context()
		if err := s.Open(); err != nil {
			return err
		}
		if _, err := s.ImportSnapshot(ctx, "snap-1", "/image"); err != nil {
			return err
		}
		if err := s.CreateVolume(ctx, VolumeSpec{ID: "vol-1", SizeBytes: 16384, Snapshot: "snap-1"}); err != nil {
			return err
		}
		v, err := s.OpenVolume(ctx, "vol-1", 3)
		if err != nil {
			return err
		}
		return v.Grow(ctx, size)
	}
	for n := 0; ; n++ {
		disk := powercut.New(uint64(n))
		f, err := disk.OpenFile("/image", os.O_CREATE|os.O_RDWR, 0o600)
		must(t, err)
		content := bytes.Repeat([]byte{0xab}, 8192)
		_, err = f.WriteAt(content, 0)
		must(t, errors.Join(err, f.Sync(), disk.SyncDir("/")))
		first, err := New(Config{Dir: "/store", FS: disk})
		must(t, err)
		second, err := New(Config{Dir: "/store", FS: disk})
		must(t, err)

		disk.FailAfter(n)
		firstErr := setUp(first)
		disk.Kill()
		must(t, setUp(second))
		disk.Crash()

		after := mustStore(t, Config{Dir: "/store", FS: disk})
		checkWhole(t, after, content)
		if _, err := after.OpenVolume(t.Context(), "vol-1", 2); !errors.Is(err, blockstore.ErrFenced) {
			t.Fatalf("killed after %d operations: epoch 2 after 3: %v, want ErrFenced", n, err)
		}
		if info, err := after.StatVolume("vol-1"); err != nil || info.SizeBytes != size {
			t.Fatalf("killed after %d operations: %+v, %v", n, info, err)
		}
		if _, err := after.StatSnapshot("snap-1"); err != nil {
			t.Fatalf("killed after %d operations: %v", n, err)
		}
		if firstErr == nil {
			return
		}
	}
}

// checkWhole looks at whatever survived.
func checkWhole(t *testing.T, s *Store, content []byte) {
	t.Helper()
	snapshots, err := s.Snapshots()
	must(t, err)
	for _, info := range snapshots {
		sum := sha256.Sum256(content)
		if info.Problem != "" || info.SHA256 != hex.EncodeToString(sum[:]) {
			t.Fatalf("snapshot %+v", info)
		}
		got, err := vfs.ReadFile(s.fs, s.SnapshotPath(info.ID), 1<<20)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("snapshot content: %d bytes, %v", len(got), err)
		}
	}
	volumes, err := s.Volumes()
	must(t, err)
	for _, info := range volumes {
		if info.Problem != "" {
			t.Fatalf("volume %+v", info)
		}
		v, err := s.OpenVolume(t.Context(), info.ID, max(1, info.Epoch))
		must(t, err)
		got := make([]byte, v.Size())
		must(t, v.ReadAt(t.Context(), got, 0))
		if !bytes.Equal(got[:8192], content) || !bytes.Equal(got[8192:], make([]byte, len(got)-8192)) {
			t.Fatal("volume content differs")
		}
		must(t, v.Close(t.Context()))
	}
}
