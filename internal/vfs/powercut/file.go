// SPDX-License-Identifier: Apache-2.0

package powercut

import (
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/hivecloud/hive/internal/vfs"
)

// file is an open handle. Its fields are guarded by fs.mu.
type file struct {
	fs         *FS
	node       *node
	name       string
	generation int
	writable   bool
	closed     bool
}

var _ vfs.File = (*file)(nil)

// enter locks the file system and tells whether the handle is alive. The caller must unlock either way.
func (h *file) enter(op string) error {
	h.fs.mu.Lock()
	switch {
	case h.closed:
		return pathErr(op, h.name, fs.ErrClosed)
	case h.generation != h.fs.generation:
		return pathErr(op, h.name, ErrPowerOff)
	}
	return pathErr(op, h.name, h.fs.spend())
}

func (h *file) enterWrite(op string) error {
	if err := h.enter(op); err != nil {
		return err
	}
	if !h.writable {
		return pathErr(op, h.name, syscall.EBADF)
	}
	return nil
}

// change does op to the live image and remembers it as not synced.
func (h *file) change(op dataOp) {
	h.node.content.apply(op)
	h.node.pending = append(h.node.pending, op)
}

func (h *file) Name() string { return h.name }

func (h *file) Size() (int64, error) {
	err := h.enter("stat")
	defer h.fs.mu.Unlock()
	return h.node.content.size, err
}

func (h *file) Allocated() (int64, error) {
	err := h.enter("stat")
	defer h.fs.mu.Unlock()
	return int64(len(h.node.content.data)) * pageSize, err
}

func (h *file) ReadAt(p []byte, off int64) (int, error) {
	err := h.enter("read")
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := min(int64(len(p)), max(0, h.node.content.size-off))
	h.node.content.read(p[:n], off)
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func (h *file) ReadAtNowait(p []byte, off int64) (int, error) {
	n, err := h.ReadAt(p, off)
	if err == io.EOF {
		return 0, vfs.ErrWouldBlock
	}
	return n, err
}

func (h *file) WriteAt(p []byte, off int64) (int, error) {
	err := h.enterWrite("write")
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	h.change(dataOp{kind: opWrite, off: off, data: slices.Clone(p)})
	return len(p), nil
}

func (h *file) Truncate(size int64) error {
	err := h.enterWrite("truncate")
	defer h.fs.mu.Unlock()
	if err != nil {
		return err
	}
	h.change(dataOp{kind: opTruncate, n: size})
	return nil
}

func (h *file) PunchHole(off, n int64) error { return h.zero("punch hole", opPunch, off, n) }
func (h *file) ZeroRange(off, n int64) error { return h.zero("zero range", opZero, off, n) }

func (h *file) zero(name string, kind opKind, off, n int64) error {
	err := h.enterWrite(name)
	defer h.fs.mu.Unlock()
	if err != nil {
		return err
	}
	h.change(dataOp{kind: kind, off: off, n: n})
	return nil
}

func (h *file) Sync() error { return h.Datasync() }

func (h *file) Datasync() error {
	err := h.enter("sync")
	defer h.fs.mu.Unlock()
	if err != nil || h.fs.inert {
		return err
	}
	for _, op := range h.node.pending {
		h.node.durable.apply(op)
	}
	h.node.pending = nil
	return nil
}

func (h *file) NextData(off int64) (int64, error) { return h.next("seek data", off, true) }

func (h *file) NextHole(off int64) (int64, error) { return h.next("seek hole", off, false) }

// next finds the first offset whose page is there (data) or missing (hole, or the end).
func (h *file) next(op string, off int64, data bool) (int64, error) {
	err := h.enter(op)
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	size := h.node.content.size
	if off < 0 || off >= size {
		return 0, io.EOF
	}
	for at := off; at < size; at = (at/pageSize + 1) * pageSize {
		if (h.node.content.data[at/pageSize] != nil) == data {
			return at, nil
		}
	}
	if data {
		return 0, io.EOF
	}
	return size, nil
}

func (h *file) CopyRange(src vfs.File, srcOff, dstOff, n int64) error {
	buf := make([]byte, n)
	if _, err := src.ReadAt(buf, srcOff); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	_, err := h.WriteAt(buf, dstOff)
	return err
}

func (h *file) Reflink(vfs.File) error { return vfs.ErrNotSupported }

func (h *file) Lock() error {
	err := h.enter("lock")
	defer h.fs.mu.Unlock()
	if err != nil {
		return err
	}
	if h.node.locked != nil && h.node.locked != h {
		return vfs.ErrLocked
	}
	h.node.locked = h
	return nil
}

func (h *file) Close() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.closed {
		return pathErr("close", h.name, fs.ErrClosed)
	}
	h.closed = true
	if h.node.locked == h {
		h.node.locked = nil
	}
	return nil
}
