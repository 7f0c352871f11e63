// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
	"github.com/hivecloud/hive/internal/vfs/faultfs"
)

// faulty is an open volume of 1 MiB full of sevens, flushed, on a disk that can be told to fail.
func faulty(t *testing.T) (*faultfs.FS, *Store, *Volume) {
	t.Helper()
	disk := faultfs.New(vfs.OS())
	s := mustStore(t, Config{FS: disk})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 1 << 20}))
	v := mustVolume(t, s, "vol-1", 1)
	must(t, v.WriteAt(t.Context(), bytes.Repeat([]byte{7}, 1<<20), 0, true))
	return disk, s, v
}

func TestFullDisk_IsNoSpaceAndHarmsNothingElse(t *testing.T) {
	t.Parallel()
	disk, _, v := faulty(t)
	disk.Add(faultfs.Rule{Op: faultfs.Write, Path: "data", Err: syscall.ENOSPC, Short: 1000})
	disk.Add(faultfs.Rule{Op: faultfs.Zero, Err: syscall.ENOSPC})
	disk.Add(faultfs.Rule{Op: faultfs.Truncate, Err: syscall.ENOSPC})
	wantErr(t, v.WriteAt(t.Context(), bytes.Repeat([]byte{8}, 8192), 4096, false), blockstore.ErrNoSpace)
	wantErr(t, v.WriteAt(t.Context(), bytes.Repeat([]byte{8}, 8192), 4096, true), blockstore.ErrNoSpace)
	wantErr(t, v.Zero(t.Context(), 4096, 8192, false, false), blockstore.ErrNoSpace)
	wantErr(t, v.Grow(t.Context(), 2<<20), blockstore.ErrNoSpace)
	must(t, v.Flush(t.Context())) // a full disk is no lost flush
	got := make([]byte, 1<<20)
	must(t, v.ReadAt(t.Context(), got, 0))
	if want := bytes.Repeat([]byte{7}, 1<<20); !bytes.Equal(got[:4096], want[:4096]) || !bytes.Equal(got[12288:], want[12288:]) {
		t.Fatal("bytes outside the failed write changed")
	}
	disk.Clear() // room again: the same requests succeed
	must(t, v.WriteAt(t.Context(), bytes.Repeat([]byte{8}, 8192), 4096, true))
	must(t, v.Grow(t.Context(), 2<<20))
	if v.Size() != 2<<20 {
		t.Fatalf("size %d", v.Size())
	}
}

func TestFailedSync_StopsTheVolumeForTheWholeEpoch(t *testing.T) {
	t.Parallel()
	disk, s, v := faulty(t)
	must(t, v.WriteAt(t.Context(), []byte("lost"), 0, false))
	disk.Add(faultfs.Rule{Op: faultfs.Sync, Path: "data", Times: 1, Err: syscall.EIO})
	err := v.Flush(t.Context())
	wantErr(t, err, blockstore.ErrFailed)
	wantErr(t, err, syscall.EIO)
	// The disk would sync again now, which proves nothing: everything stays refused.
	wantErr(t, v.Flush(t.Context()), blockstore.ErrFailed)
	wantErr(t, v.WriteAt(t.Context(), []byte("x"), 0, false), blockstore.ErrFailed)
	wantErr(t, v.ReadAt(t.Context(), make([]byte, 1), 0), blockstore.ErrFailed)
	wantErr(t, v.TryReadAt(make([]byte, 1), 0), blockstore.ErrFailed)
	wantErr(t, v.Trim(t.Context(), 0, 4096), blockstore.ErrFailed)
	wantErr(t, v.Zero(t.Context(), 0, 4096, true, false), blockstore.ErrFailed)
	wantErr(t, v.Grow(t.Context(), 2<<20), blockstore.ErrFailed)
	wantErr(t, v.Close(t.Context()), blockstore.ErrFailed)
	if info, err := s.StatVolume("vol-1"); err != nil || !info.Failed {
		t.Fatalf("got %+v, %v", info, err)
	}
	_, err = s.OpenVolume(t.Context(), "vol-1", 1)
	wantErr(t, err, blockstore.ErrFailed)
	v = mustVolume(t, s, "vol-1", 2) // the owner's conscious decision
	must(t, v.Flush(t.Context()))
	if info, err := s.StatVolume("vol-1"); err != nil || info.Failed {
		t.Fatalf("got %+v, %v", info, err)
	}
}

func TestFailedSync_IsNeverAskedTwice(t *testing.T) {
	t.Parallel()
	var syncs, failures atomic.Int32
	s := newSyncer(func() error { syncs.Add(1); return syscall.EIO }, func() { failures.Add(1) })
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			s.dirty()
			if err := s.flush(); !errors.Is(err, blockstore.ErrFailed) {
				t.Errorf("got %v, want ErrFailed", err)
			}
		})
	}
	wg.Wait()
	if syncs.Load() != 1 || failures.Load() != 1 {
		t.Fatalf("%d syncs, %d failures told, want 1 and 1", syncs.Load(), failures.Load())
	}
}

func TestFlush_ManyShareOneSyncAndCleanNeedsNone(t *testing.T) {
	t.Parallel()
	var syncs atomic.Int32
	entered, leave := make(chan struct{}, 64), make(chan struct{})
	s := newSyncer(func() error { syncs.Add(1); entered <- struct{}{}; <-leave; return nil }, func() {})
	var wg sync.WaitGroup
	flush := func() {
		if err := s.flush(); err != nil {
			t.Error(err)
		}
	}
	wg.Go(flush)
	<-entered // the first sync runs; what comes now must wait for the next
	for range 30 {
		s.dirty()
		wg.Go(flush)
	}
	close(leave)
	wg.Wait()
	// One for the first, one for those that came during it; a few more when goroutines were slow to start.
	if n := syncs.Load(); n < 2 || n > 31 {
		t.Fatalf("%d syncs for 31 flushes", n)
	}
	before := syncs.Load()
	flush()
	if syncs.Load() != before {
		t.Fatal("a clean volume was synced")
	}
}

func TestUnsupportedHoles_ZerosAreWrittenAndTrimIsAllowedToDoNothing(t *testing.T) {
	t.Parallel()
	disk, _, v := faulty(t)
	disk.Add(faultfs.Rule{Op: faultfs.Punch, Err: vfs.ErrNotSupported})
	disk.Add(faultfs.Rule{Op: faultfs.Zero, Err: vfs.ErrNotSupported})
	must(t, v.Trim(t.Context(), 0, 4096))
	for _, unmap := range []bool{true, false} {
		must(t, v.WriteAt(t.Context(), bytes.Repeat([]byte{7}, 1<<20), 0, false))
		must(t, v.Zero(t.Context(), 100, 900<<10, unmap, false))
		got := make([]byte, 1<<20)
		must(t, v.ReadAt(t.Context(), got, 0))
		want := bytes.Repeat([]byte{7}, 1<<20)
		clear(want[100 : 100+900<<10])
		if !bytes.Equal(got, want) {
			t.Fatal("content differs")
		}
	}
}

func TestCreateAndImport_FaultsLeaveNothing(t *testing.T) {
	t.Parallel()
	path, _ := image(t, 1<<20)
	for _, op := range []faultfs.Op{faultfs.Open, faultfs.Truncate, faultfs.Copy, faultfs.Sync, faultfs.SyncDir, faultfs.Rename} {
		for _, target := range []string{"volumes", "snapshots"} {
			t.Run(string(op)+" in "+target, func(t *testing.T) {
				t.Parallel()
				disk := faultfs.New(vfs.OS())
				s := mustStore(t, Config{FS: disk})
				if target == "volumes" {
					_, err := s.ImportSnapshot(t.Context(), "snap-1", path)
					must(t, err)
				}
				where := "/.new-" // not the look whether it exists
				if op == faultfs.SyncDir {
					where = "/" + target
				}
				disk.Add(faultfs.Rule{Op: op, Path: where, Times: 1, Err: syscall.ENOSPC})
				make := func() error {
					if target == "volumes" {
						return s.CreateVolume(t.Context(), VolumeSpec{ID: "x", SizeBytes: 1 << 20, Snapshot: "snap-1"})
					}
					_, err := s.ImportSnapshot(t.Context(), "x", path)
					return err
				}
				wantErr(t, make(), blockstore.ErrNoSpace)
				entries, err := os.ReadDir(filepath.Join(s.dir, target))
				must(t, err)
				if len(entries) != 0 {
					t.Fatalf("left behind: %v", entries)
				}
				must(t, make())
			})
		}
	}
}
