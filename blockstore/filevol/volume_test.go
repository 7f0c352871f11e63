// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"bytes"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/blockstore"
)

func TestVolume_RequestsOutsideAreRefused(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 8192}))
	v := mustVolume(t, s, "vol-1", 1)
	for _, r := range [][2]int64{{-1, 1}, {8192, 1}, {8191, 2}, {0, 8193}, {math.MaxInt64, 1}} {
		off, n := r[0], r[1]
		wantErr(t, v.ReadAt(t.Context(), make([]byte, n), off), blockstore.ErrOutOfRange)
		wantErr(t, v.TryReadAt(make([]byte, n), off), blockstore.ErrOutOfRange)
		wantErr(t, v.WriteAt(t.Context(), make([]byte, n), off, false), blockstore.ErrOutOfRange)
		wantErr(t, v.Zero(t.Context(), off, n, true, false), blockstore.ErrOutOfRange)
		wantErr(t, v.Trim(t.Context(), off, n), blockstore.ErrOutOfRange)
		_, err := v.Extents(t.Context(), off, n)
		wantErr(t, err, blockstore.ErrOutOfRange)
	}
	wantErr(t, v.Trim(t.Context(), 1, math.MaxInt64), blockstore.ErrOutOfRange)
}

func TestVolume_ExtentsAndPageCacheReads(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 1 << 20}))
	v := mustVolume(t, s, "vol-1", 1)
	data := bytes.Repeat([]byte{5}, 64<<10)
	must(t, v.WriteAt(t.Context(), data, 128<<10, true))
	got, err := v.Extents(t.Context(), 4096, 1<<20-4096)
	must(t, err)
	want := []blockstore.Extent{
		{Off: 4096, Len: 124 << 10, Hole: true},
		{Off: 128 << 10, Len: 64 << 10},
		{Off: 192 << 10, Len: 832 << 10, Hole: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	read := make([]byte, len(data))
	must(t, v.ReadAt(t.Context(), read, 128<<10))
	if err := v.TryReadAt(read, 128<<10); err != nil && err != blockstore.ErrWouldBlock {
		t.Fatal(err)
	}
	if !bytes.Equal(read, data) {
		t.Fatal("content differs")
	}
}

func TestVolume_GrowOnlyGrowsAlsoInParallel(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 8192}))
	v := mustVolume(t, s, "vol-1", 1)
	wantErr(t, s.GrowVolume(t.Context(), "vol-1", 16384), blockstore.ErrInUse)
	wantErr(t, v.Grow(t.Context(), 4096), blockstore.ErrShrink)
	wantErr(t, v.Grow(t.Context(), 8193), blockstore.ErrInvalid)
	must(t, v.Grow(t.Context(), 8192))
	var wg sync.WaitGroup
	for i := range int64(20) {
		wg.Go(func() { v.Grow(t.Context(), 8192+4096*(i+1)) }) // the smaller ones may come late
	}
	wg.Wait()
	if v.Size() != 8192+4096*20 {
		t.Fatalf("size %d", v.Size())
	}
	must(t, v.WriteAt(t.Context(), []byte("end"), v.Size()-3, true))
	must(t, v.Close(t.Context()))
	v = mustVolume(t, s, "vol-1", 1)
	if v.Size() != 8192+4096*20 {
		t.Fatalf("size %d after reopening", v.Size())
	}
}

func TestGrowVolume_NeverOpenedKeepsItsEpoch(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 8192}))
	must(t, s.GrowVolume(t.Context(), "vol-1", 16384))
	wantErr(t, s.GrowVolume(t.Context(), "vol-1", 8192), blockstore.ErrShrink)
	wantErr(t, s.GrowVolume(t.Context(), "vol-2", 8192), blockstore.ErrNotFound)
	if info, err := s.StatVolume("vol-1"); err != nil || info.SizeBytes != 16384 || info.Epoch != 0 {
		t.Fatalf("got %+v, %v", info, err)
	}
	mustVolume(t, s, "vol-1", 1)
}

func TestDetach_IsLikeADeathOfTheProcess(t *testing.T) {
	t.Parallel()
	s := mustStore(t, Config{})
	must(t, s.CreateVolume(t.Context(), VolumeSpec{ID: "vol-1", SizeBytes: 8192}))
	v := mustVolume(t, s, "vol-1", 1)
	must(t, v.WriteAt(t.Context(), []byte("not flushed"), 0, false))
	must(t, v.Detach())
	v = mustVolume(t, s, "vol-1", 1)
	got := make([]byte, 11)
	must(t, v.ReadAt(t.Context(), got, 0))
	if string(got) != "not flushed" {
		t.Fatalf("got %q", got)
	}
}
