// SPDX-License-Identifier: Apache-2.0

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// osFile is a file of the machine. System calls that package os lacks go through raw, which holds a reference: a
// concurrent Close waits, and a descriptor that was closed and given to another file is never touched.
type osFile struct {
	*os.File
	raw syscall.RawConn
}

var _ File = (*osFile)(nil)

// control runs call on the descriptor, repeats it on EINTR and names operation and file in the error.
func (f *osFile) control(op string, call func(fd int) error) error {
	var callErr error
	err := f.raw.Control(func(fd uintptr) {
		callErr = eintr(func() error { return call(int(fd)) })
	})
	if err == nil {
		err = callErr
	}
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.Name(), Err: err}
}

func (f *osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f *osFile) Allocated() (int64, error) {
	var st unix.Stat_t
	err := f.control("fstat", func(fd int) error { return unix.Fstat(fd, &st) })
	return st.Blocks * 512, err
}

func (f *osFile) Datasync() error {
	return f.control("fdatasync", unix.Fdatasync)
}

func (f *osFile) PunchHole(off, n int64) error {
	return f.fallocate("punch hole", unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}

func (f *osFile) ZeroRange(off, n int64) error {
	return f.fallocate("zero range", unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}

func (f *osFile) fallocate(op string, mode uint32, off, n int64) error {
	err := f.control(op, func(fd int) error { return unix.Fallocate(fd, mode, off, n) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return ErrNotSupported
	}
	return err
}

func (f *osFile) NextData(off int64) (int64, error) { return f.seek("seek data", off, unix.SEEK_DATA) }
func (f *osFile) NextHole(off int64) (int64, error) { return f.seek("seek hole", off, unix.SEEK_HOLE) }

// seek moves the file position, which nobody uses: all reads and writes name their offset.
func (f *osFile) seek(op string, off int64, whence int) (int64, error) {
	var at int64
	err := f.control(op, func(fd int) (err error) {
		at, err = unix.Seek(fd, off, whence)
		return err
	})
	if errors.Is(err, unix.ENXIO) {
		return 0, io.EOF
	}
	return at, err
}

// nowaitRead is one call of preadv2. They are reused, with their function, because this is the hottest path of a
// guest's disk and a closure for each would be garbage.
type nowaitRead struct {
	bufs [1][]byte
	off  int64
	n    int
	err  error
	call func(fd uintptr)
}

var nowaitReads = sync.Pool{New: func() any {
	r := &nowaitRead{}
	r.call = func(fd uintptr) {
		r.err = eintr(func() (err error) {
			r.n, err = unix.Preadv2(int(fd), r.bufs[:], r.off, unix.RWF_NOWAIT)
			return err
		})
	}
	return r
}}

func (f *osFile) ReadAtNowait(p []byte, off int64) (int, error) {
	r := nowaitReads.Get().(*nowaitRead)
	r.bufs[0], r.off = p, off
	err := f.raw.Control(r.call)
	n, callErr := r.n, r.err
	r.bufs[0] = nil
	nowaitReads.Put(r)
	if err != nil {
		return 0, &fs.PathError{Op: "preadv2", Path: f.Name(), Err: err}
	}
	switch callErr {
	case nil:
		if n < len(p) {
			return 0, ErrWouldBlock // the rest is not in memory, or past the end: the full read will tell
		}
		return n, nil
	case unix.EAGAIN, unix.EOPNOTSUPP, unix.ENOSYS:
		return 0, ErrWouldBlock
	}
	return 0, &fs.PathError{Op: "preadv2", Path: f.Name(), Err: callErr}
}

func (f *osFile) Reflink(src File) error {
	s, ok := src.(*osFile)
	if !ok {
		return ErrNotSupported
	}
	err := f.control("reflink", func(dst int) error {
		return s.control("reflink", func(from int) error { return unix.IoctlFileClone(dst, from) })
	})
	for _, e := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.EXDEV, unix.EINVAL, unix.ENOSYS} {
		if errors.Is(err, e) {
			return ErrNotSupported
		}
	}
	return err
}

func (f *osFile) CopyRange(src File, srcOff, dstOff, n int64) error {
	s, ok := src.(*osFile)
	if !ok {
		return copyBytes(f, src, srcOff, dstOff, n)
	}
	for n > 0 {
		var did int
		err := f.control("copy range", func(dst int) error {
			return s.control("copy range", func(from int) (err error) {
				so, do := srcOff, dstOff
				did, err = unix.CopyFileRange(from, &so, dst, &do, int(min(n, 1<<30)), 0)
				return err
			})
		})
		switch {
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL):
			return copyBytes(f, src, srcOff, dstOff, n)
		case err != nil:
			return err
		case did == 0:
			return &fs.PathError{Op: "copy range", Path: src.Name(), Err: io.ErrUnexpectedEOF}
		}
		srcOff, dstOff, n = srcOff+int64(did), dstOff+int64(did), n-int64(did)
	}
	return nil
}

func (f *osFile) Lock() error {
	err := f.control("flock", func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
