// SPDX-License-Identifier: Apache-2.0

package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// copyStep bounds how much one step copies, so that a cancelled copy ends soon.
const copyStep = 64 << 20

// CopySparse makes dst, an empty file, a copy of src's first n bytes, and keeps holes as holes. It shares blocks where
// the file system can, copies in the kernel where it cannot, and through memory as the last resort. dst has length n
// afterwards and is not synced. src must be at least n bytes long.
func CopySparse(ctx context.Context, dst, src File, n int64) error {
	err := dst.Reflink(src)
	if err == nil {
		return dst.Truncate(n)
	}
	if !errors.Is(err, ErrNotSupported) {
		return fmt.Errorf("reflink %s: %w", src.Name(), err)
	}
	if err := dst.Truncate(n); err != nil {
		return fmt.Errorf("size copy of %s: %w", src.Name(), err)
	}
	return EachData(ctx, src, n, func(off, length int64) error {
		return dst.CopyRange(src, off, off, length)
	})
}

// EachData calls visit for the parts of f's first n bytes that hold data, in ascending order and in pieces of at most
// 64 MiB. It stops at the first error and when ctx is done.
func EachData(ctx context.Context, f File, n int64, visit func(off, length int64) error) error {
	for off := int64(0); off < n; {
		data, err := f.NextData(off)
		if errors.Is(err, io.EOF) || (err == nil && data >= n) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find data in %s: %w", f.Name(), err)
		}
		hole, err := f.NextHole(data)
		if err != nil {
			return fmt.Errorf("find hole in %s: %w", f.Name(), err)
		}
		for off = data; off < min(hole, n); {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			step := min(copyStep, min(hole, n)-off)
			if err := visit(off, step); err != nil {
				return err
			}
			off += step
		}
	}
	return nil
}

// copyBytes copies n bytes of src to dst through memory: what CopyRange falls back to.
func copyBytes(dst io.WriterAt, src File, srcOff, dstOff, n int64) error {
	buf := make([]byte, min(n, 1<<20))
	for n > 0 {
		part := buf[:min(n, int64(len(buf)))]
		if _, err := src.ReadAt(part, srcOff); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read %s: %w", src.Name(), err)
		}
		if _, err := dst.WriteAt(part, dstOff); err != nil {
			return err
		}
		step := int64(len(part))
		srcOff, dstOff, n = srcOff+step, dstOff+step, n-step
	}
	return nil
}
