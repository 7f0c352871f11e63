// SPDX-License-Identifier: Apache-2.0

package memvol

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/blockstore"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestVolume_RandomRequestsAgainstASlice(t *testing.T) {
	t.Parallel()
	size := int64(5*chunkBytes + blockstore.BlockBytes)
	v, model := New(size), make([]byte, size)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		off := r.Int64N(size)
		n := 1 + r.Int64N(min(size-off, 3*chunkBytes))
		switch r.IntN(4) {
		case 0:
			data := bytes.Repeat([]byte{byte(1 + r.IntN(255))}, int(n))
			must(t, v.WriteAt(t.Context(), data, off, false))
			copy(model[off:], data)
		case 1:
			must(t, v.Zero(t.Context(), off, n, r.IntN(2) == 0, false))
			clear(model[off : off+n])
		case 2:
			must(t, v.Trim(t.Context(), off, n))
			clear(model[off : off+n])
		default:
			got := make([]byte, n)
			must(t, v.ReadAt(t.Context(), got, off))
			if !bytes.Equal(got, model[off:off+n]) {
				t.Fatalf("read of %d at %d differs", n, off)
			}
		}
	}
}

func TestVolume_ExtentsFollowTrimAndZero(t *testing.T) {
	t.Parallel()
	v := New(4 * chunkBytes)
	must(t, v.WriteAt(t.Context(), []byte{1}, chunkBytes, false))
	must(t, v.Zero(t.Context(), 2*chunkBytes, chunkBytes, false, false)) // stays allocated
	want := []blockstore.Extent{{Off: 0, Len: chunkBytes, Hole: true}, {Off: chunkBytes, Len: 2 * chunkBytes}, {Off: 3 * chunkBytes, Len: chunkBytes, Hole: true}}
	got, err := v.Extents(t.Context(), 0, 4*chunkBytes)
	must(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	must(t, v.Trim(t.Context(), 0, 4*chunkBytes))
	got, err = v.Extents(t.Context(), 10, 20)
	must(t, err)
	if d := cmp.Diff([]blockstore.Extent{{Off: 10, Len: 20, Hole: true}}, got); d != "" {
		t.Fatal(d)
	}
}

func TestVolume_GrowsWhileItIsUsed(t *testing.T) {
	t.Parallel()
	v := New(chunkBytes)
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() {
			v.Grow(t.Context(), (i+2)*chunkBytes) // the smaller ones may come late
			buf := make([]byte, v.Size())
			if err := v.ReadAt(t.Context(), buf, 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if v.Size() != 9*chunkBytes {
		t.Fatalf("size %d", v.Size())
	}
	if err := v.Grow(t.Context(), chunkBytes); !errors.Is(err, blockstore.ErrShrink) {
		t.Fatalf("got %v, want ErrShrink", err)
	}
}

func TestVolume_ClosedAndOutside(t *testing.T) {
	t.Parallel()
	v := New(1)
	if v.Size() != blockstore.BlockBytes {
		t.Fatalf("size %d", v.Size())
	}
	if err := v.WriteAt(t.Context(), []byte{1}, blockstore.BlockBytes, false); !errors.Is(err, blockstore.ErrOutOfRange) {
		t.Fatalf("got %v, want ErrOutOfRange", err)
	}
	must(t, v.Close(t.Context()))
	if err := v.Flush(t.Context()); !errors.Is(err, blockstore.ErrClosed) {
		t.Fatalf("got %v, want ErrClosed", err)
	}
}
