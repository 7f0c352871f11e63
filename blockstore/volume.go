// SPDX-License-Identifier: Apache-2.0

package blockstore

import (
	"context"
	"fmt"
)

// BlockBytes is the unit volumes are sized in: the size of a volume is a multiple of it. Requests need not be aligned.
const BlockBytes = 4096

// Volume is an open disk. All methods are safe for concurrent use; concurrent requests that overlap land in an
// unspecified order, and a read beside an overlapping write may see parts of both.
//
// Durability: when WriteAt, Zero or Trim returned nil, the change survives the death of this process and every later
// read sees it. It survives the loss of power once a Flush that began afterwards returned nil, or at once when it was
// asked for with fua.
//
// Errors: the sentinels of this package, wrapped; any other error means that the device failed. A request that failed
// may have been done in part; nothing outside its range has changed. No method ever returns short or made-up data.
type Volume interface {
	// ReadAt fills all of p from off. Bytes never written read as zero.
	ReadAt(ctx context.Context, p []byte, off int64) error
	// WriteAt stores p at off; p may be reused when it returns. fua makes the write durable before it returns.
	WriteAt(ctx context.Context, p []byte, off int64, fua bool) error
	// Zero makes n bytes at off read as zero. mayUnmap allows the space to be given back; without it the range stays
	// allocated, so that a later write there cannot run out of space.
	Zero(ctx context.Context, off, n int64, mayUnmap, fua bool) error
	// Trim tells that n bytes at off are no longer needed. They read as zero afterwards, or as before where the
	// engine cannot give back space.
	Trim(ctx context.Context, off, n int64) error
	// Flush makes everything durable that was answered before it was called.
	Flush(ctx context.Context) error
	// Size is the length in bytes, a multiple of BlockBytes; it only grows.
	Size() int64
	// Grow makes the volume size bytes long; the new part reads as zero. It is durable when it returns. The present
	// size is no error, a smaller one is ErrShrink.
	Grow(ctx context.Context, size int64) error
	// Extents describes [off, off+n), n > 0, in ascending, gap-free pieces, neighbours of one kind merged. It may stop
	// early, after MaxExtents pieces, but always returns at least one.
	Extents(ctx context.Context, off, n int64) ([]Extent, error)
	// Close flushes and gives everything back, also when the flush fails, whose error it returns. Requests
	// under way are waited for; later ones get ErrClosed. A second Close returns ErrClosed.
	Close(ctx context.Context) error
}

// TryReader is implemented by volumes that know whether a read can be answered without waiting.
type TryReader interface {
	// TryReadAt is ReadAt when the bytes are in memory, else ErrWouldBlock, and then p is garbage.
	TryReadAt(p []byte, off int64) error
}

// Immediate is implemented by volumes none of whose requests ever waits for a device, so that handing one to
// another goroutine costs more than doing it.
type Immediate interface {
	// Immediate has no effect; having it is the statement.
	Immediate()
}

// FastZeroer is implemented by volumes that can zero a range faster than by writing zeros.
type FastZeroer interface {
	// FastZero tells whether Zero with this mayUnmap is fast.
	FastZero(mayUnmap bool) bool
}

// MaxExtents is how many pieces one call of Extents returns at most.
const MaxExtents = 4096

// Extent is a piece of a volume.
type Extent struct {
	// Off and Len are in bytes.
	Off, Len int64
	// Hole says that no space is allocated; it reads as zeros.
	Hole bool
}

// CheckRange is nil when n bytes at off lie within size bytes, else ErrOutOfRange with the numbers.
func CheckRange(off, n, size int64) error {
	if off < 0 || n < 0 || off > size || n > size-off {
		return fmt.Errorf("%d bytes at %d of %d: %w", n, off, size, ErrOutOfRange)
	}
	return nil
}
