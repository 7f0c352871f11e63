// SPDX-License-Identifier: Apache-2.0

package faultfs

import (
	"io/fs"
	"sync"

	"github.com/hivecloud/hive/internal/vfs"
)

// FS is a file system whose operations fail when a rule says so.
type FS struct {
	inner vfs.FS

	mu     sync.Mutex
	rules  []*Rule
	counts map[Op]int
}

var _ vfs.FS = (*FS)(nil)

// New wraps inner; without rules nothing fails.
func New(inner vfs.FS) *FS { return &FS{inner: inner, counts: make(map[Op]int)} }

// try runs call unless a rule wants op to fail.
func (f *FS) try(op Op, path string, call func() error) error {
	if r := f.check(op, path); r != nil {
		return &fs.PathError{Op: string(op), Path: path, Err: r.Err}
	}
	return call()
}

// OpenFile opens a file whose operations ask the rules too.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	var opened vfs.File
	err := f.try(Open, name, func() (err error) {
		opened, err = f.inner.OpenFile(name, flag, perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &file{File: opened, fs: f}, nil
}

// MkdirAll is Op Mkdir.
func (f *FS) MkdirAll(path string, perm fs.FileMode) error {
	return f.try(Mkdir, path, func() error { return f.inner.MkdirAll(path, perm) })
}

// Rename is Op Rename; rules match the old or the new name, joined by a space.
func (f *FS) Rename(oldPath, newPath string) error {
	return f.try(Rename, oldPath+" "+newPath, func() error { return f.inner.Rename(oldPath, newPath) })
}

// Remove is Op Remove.
func (f *FS) Remove(name string) error {
	return f.try(Remove, name, func() error { return f.inner.Remove(name) })
}

// RemoveAll is Op Remove.
func (f *FS) RemoveAll(path string) error {
	return f.try(Remove, path, func() error { return f.inner.RemoveAll(path) })
}

// ReadDir is Op ReadDir.
func (f *FS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = f.try(ReadDir, name, func() (err error) {
		entries, err = f.inner.ReadDir(name)
		return err
	})
	return entries, err
}

// Stat is Op Stat.
func (f *FS) Stat(name string) (info fs.FileInfo, err error) {
	err = f.try(Stat, name, func() (err error) {
		info, err = f.inner.Stat(name)
		return err
	})
	return info, err
}

// SyncDir is Op SyncDir.
func (f *FS) SyncDir(name string) error {
	return f.try(SyncDir, name, func() error { return f.inner.SyncDir(name) })
}

// Free is Op Free.
func (f *FS) Free(path string) (freeBytes, totalBytes int64, err error) {
	err = f.try(Free, path, func() (err error) {
		freeBytes, totalBytes, err = f.inner.Free(path)
		return err
	})
	return freeBytes, totalBytes, err
}

// file is an open file; what it does not override cannot fail by rule.
type file struct {
	vfs.File
	fs *FS
}

var _ vfs.File = (*file)(nil)

func (h *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = h.fs.try(Read, h.Name(), func() (err error) {
		n, err = h.File.ReadAt(p, off)
		return err
	})
	return n, err
}

func (h *file) ReadAtNowait(p []byte, off int64) (n int, err error) {
	err = h.fs.try(Read, h.Name(), func() (err error) {
		n, err = h.File.ReadAtNowait(p, off)
		return err
	})
	return n, err
}

func (h *file) WriteAt(p []byte, off int64) (int, error) {
	r := h.fs.check(Write, h.Name())
	if r == nil {
		return h.File.WriteAt(p, off)
	}
	n := 0
	if short := min(r.Short, len(p)); short > 0 {
		var err error
		if n, err = h.File.WriteAt(p[:short], off); err != nil {
			return n, err
		}
	}
	return n, &fs.PathError{Op: string(Write), Path: h.Name(), Err: r.Err}
}

func (h *file) Truncate(size int64) error {
	return h.fs.try(Truncate, h.Name(), func() error { return h.File.Truncate(size) })
}

func (h *file) Sync() error     { return h.fs.try(Sync, h.Name(), h.File.Sync) }
func (h *file) Datasync() error { return h.fs.try(Sync, h.Name(), h.File.Datasync) }
func (h *file) Lock() error     { return h.fs.try(Lock, h.Name(), h.File.Lock) }

func (h *file) PunchHole(off, n int64) error {
	return h.fs.try(Punch, h.Name(), func() error { return h.File.PunchHole(off, n) })
}

func (h *file) ZeroRange(off, n int64) error {
	return h.fs.try(Zero, h.Name(), func() error { return h.File.ZeroRange(off, n) })
}

func (h *file) NextData(off int64) (at int64, err error) {
	err = h.fs.try(Seek, h.Name(), func() (err error) {
		at, err = h.File.NextData(off)
		return err
	})
	return at, err
}

func (h *file) NextHole(off int64) (at int64, err error) {
	err = h.fs.try(Seek, h.Name(), func() (err error) {
		at, err = h.File.NextHole(off)
		return err
	})
	return at, err
}

func (h *file) CopyRange(src vfs.File, srcOff, dstOff, n int64) error {
	return h.fs.try(Copy, h.Name(), func() error { return h.File.CopyRange(bare(src), srcOff, dstOff, n) })
}

func (h *file) Reflink(src vfs.File) error {
	return h.fs.try(Copy, h.Name(), func() error { return h.File.Reflink(bare(src)) })
}

// bare takes the wrapper off, so that the inner file system knows its own file.
func bare(f vfs.File) vfs.File {
	if w, ok := f.(*file); ok {
		return w.File
	}
	return f
}
