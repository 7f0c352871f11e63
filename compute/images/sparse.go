// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// spaceMargin is what an import leaves free on the host's file system, in bytes: the region's log may live there too.
const spaceMargin = 256 << 20

// checkSpace tells whether a directory's file system has room for so many bytes more.
func checkSpace(dir string, need int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("ask for free space of %s: %w", dir, err)
	}
	free := int64(st.Bavail) * st.Bsize
	if need+spaceMargin > free {
		return fmt.Errorf("%w in %s: %d MiB are needed, %d MiB are free", ErrNoSpace, dir, (need+spaceMargin)>>20, free>>20)
	}
	return nil
}

// allocated is how much of a file is not a hole, as far as the file system tells.
func allocated(f *os.File, size int64) int64 {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return size
	}
	return min(size, st.Blocks*512)
}

const (
	sparseBlock = 4096
	guardEvery  = 256 << 20 // how much is written between two looks at the free space
)

// sparseWriter writes a file from its beginning and leaves blocks of zeros out. It stops before the file system is full.
type sparseWriter struct {
	file    *os.File
	dir     string
	offset  int64
	written int64 // since the last look at the free space
}

var zeros [sparseBlock]byte

func (w *sparseWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := dataRun(p, w.offset)
		if n > 0 {
			if err := w.data(p[:n]); err != nil {
				return total - len(p), err
			}
		} else {
			n = min(len(p), blockRest(w.offset))
			w.offset += int64(n)
		}
		p = p[n:]
	}
	return total, nil
}

// dataRun is the length of the leading blocks of p that are not all zeros; blocks are those of the file.
func dataRun(p []byte, offset int64) int {
	run := 0
	for run < len(p) {
		n := min(len(p)-run, blockRest(offset+int64(run)))
		if bytes.Equal(p[run:run+n], zeros[:n]) {
			break
		}
		run += n
	}
	return run
}

func blockRest(offset int64) int { return int(sparseBlock - offset%sparseBlock) }

func (w *sparseWriter) data(p []byte) error {
	if w.written += int64(len(p)); w.written > guardEvery {
		w.written = 0
		if err := checkSpace(w.dir, 0); err != nil {
			return err
		}
	}
	if _, err := w.file.WriteAt(p, w.offset); err != nil {
		return err
	}
	w.offset += int64(len(p))
	return nil
}

// finish gives the file its length, which a hole at the end has not.
func (w *sparseWriter) finish() error { return w.file.Truncate(w.offset) }
