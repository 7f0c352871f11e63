// SPDX-License-Identifier: Apache-2.0

package memvol

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hivecloud/hive/blockstore"
)

// chunkBytes is small enough that random 4 KiB writes to a fresh volume do not clear much more than they use, and
// large enough that a 1 MiB request takes few locks.
const chunkBytes = 64 << 10

type chunk struct {
	mu   sync.RWMutex
	data []byte // nil is a hole
}

// Volume is a disk in memory.
type Volume struct {
	grow   sync.Mutex // serialises Grow
	chunks atomic.Pointer[[]*chunk]
	size   atomic.Int64
	closed atomic.Bool
}

var (
	_ blockstore.Volume     = (*Volume)(nil)
	_ blockstore.TryReader  = (*Volume)(nil)
	_ blockstore.Immediate  = (*Volume)(nil)
	_ blockstore.FastZeroer = (*Volume)(nil)
)

// New is an empty volume of size bytes, rounded up to whole blocks.
func New(size int64) *Volume {
	v := &Volume{}
	v.resize(size)
	return v
}

// Immediate says that nothing here waits.
func (v *Volume) Immediate() {}

func (v *Volume) resize(size int64) {
	size = (size + blockstore.BlockBytes - 1) / blockstore.BlockBytes * blockstore.BlockBytes
	var chunks []*chunk
	if old := v.chunks.Load(); old != nil {
		chunks = slices.Clone(*old)
	}
	for int64(len(chunks))*chunkBytes < size {
		chunks = append(chunks, &chunk{})
	}
	v.chunks.Store(&chunks) // before the size: whoever sees the size finds the chunks
	v.size.Store(size)
}

func (v *Volume) check(off, n int64) error {
	if v.closed.Load() {
		return blockstore.ErrClosed
	}
	return blockstore.CheckRange(off, n, v.size.Load())
}

// each calls visit for the part of every chunk that [off, off+n) touches; done counts the bytes before it.
func (v *Volume) each(off, n int64, visit func(c *chunk, from, to int, done int64)) {
	chunks := *v.chunks.Load()
	for done := int64(0); done < n; {
		at := off + done
		from := int(at % chunkBytes)
		to := int(min(chunkBytes, int64(from)+n-done))
		visit(chunks[at/chunkBytes], from, to, done)
		done += int64(to - from)
	}
}

// ReadAt fills p from off.
func (v *Volume) ReadAt(_ context.Context, p []byte, off int64) error { return v.TryReadAt(p, off) }

// TryReadAt is ReadAt: everything is in memory.
func (v *Volume) TryReadAt(p []byte, off int64) error {
	if err := v.check(off, int64(len(p))); err != nil {
		return err
	}
	v.each(off, int64(len(p)), func(c *chunk, from, to int, done int64) {
		c.mu.RLock()
		defer c.mu.RUnlock()
		if c.data == nil {
			clear(p[done : done+int64(to-from)])
			return
		}
		copy(p[done:], c.data[from:to])
	})
	return nil
}

// WriteAt stores p at off.
func (v *Volume) WriteAt(_ context.Context, p []byte, off int64, _ bool) error {
	if err := v.check(off, int64(len(p))); err != nil {
		return err
	}
	v.each(off, int64(len(p)), func(c *chunk, from, to int, done int64) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.data == nil {
			c.data = make([]byte, chunkBytes)
		}
		copy(c.data[from:to], p[done:])
	})
	return nil
}

// Zero clears a range; whole chunks are given back when mayUnmap is set.
func (v *Volume) Zero(_ context.Context, off, n int64, mayUnmap, _ bool) error {
	if err := v.check(off, n); err != nil {
		return err
	}
	v.each(off, n, func(c *chunk, from, to int, _ int64) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case mayUnmap && to-from == chunkBytes:
			c.data = nil
		case c.data != nil:
			clear(c.data[from:to])
		case !mayUnmap:
			c.data = make([]byte, chunkBytes)
		}
	})
	return nil
}

// FastZero says that clearing memory beats copying zeros into it.
func (v *Volume) FastZero(bool) bool { return true }

// Trim clears a range and gives whole chunks back.
func (v *Volume) Trim(ctx context.Context, off, n int64) error {
	return v.Zero(ctx, off, n, true, false)
}

// Flush has nothing to do.
func (v *Volume) Flush(context.Context) error { return v.check(0, 0) }

// Size is the length in bytes.
func (v *Volume) Size() int64 { return v.size.Load() }

// Grow makes the volume longer; size is rounded up to whole blocks.
func (v *Volume) Grow(_ context.Context, size int64) error {
	v.grow.Lock()
	defer v.grow.Unlock()
	if err := v.check(0, 0); err != nil {
		return err
	}
	if size < v.size.Load() {
		return fmt.Errorf("grow from %d to %d bytes: %w", v.size.Load(), size, blockstore.ErrShrink)
	}
	v.resize(size)
	return nil
}

// Extents tells chunks that hold data from holes.
func (v *Volume) Extents(_ context.Context, off, n int64) ([]blockstore.Extent, error) {
	if err := v.check(off, n); err != nil {
		return nil, err
	}
	var list []blockstore.Extent
	full := false
	v.each(off, n, func(c *chunk, from, to int, done int64) {
		c.mu.RLock()
		hole := c.data == nil
		c.mu.RUnlock()
		if last := len(list) - 1; last >= 0 && !full && list[last].Hole == hole {
			list[last].Len += int64(to - from)
			return
		}
		if full = full || len(list) == blockstore.MaxExtents; !full {
			list = append(list, blockstore.Extent{Off: off + done, Len: int64(to - from), Hole: hole})
		}
	})
	return list, nil
}

// Close makes every later request fail; the memory goes with the volume.
func (v *Volume) Close(context.Context) error {
	if v.closed.Swap(true) {
		return blockstore.ErrClosed
	}
	return nil
}
