// SPDX-License-Identifier: Apache-2.0

package vfs

import (
	"errors"
	"io"
	"io/fs"
)

var (
	// ErrLocked says that another open handle, of this or another process, holds the lock.
	ErrLocked = errors.New("file is locked by another holder")
	// ErrWouldBlock is returned by [File.ReadAtNowait] when the bytes are not in memory.
	ErrWouldBlock = errors.New("read would wait for the device")
	// ErrNotSupported says that the file system lacks the operation (hole punching, reflinks); the caller falls back.
	ErrNotSupported = errors.ErrUnsupported
)

// FS is a file system. Implementations are safe for concurrent use. Errors of the operating system are
// *fs.PathError or *os.LinkError and match errors.Is with fs.ErrNotExist, fs.ErrExist and syscall errnos.
type FS interface {
	// OpenFile opens name with os.O_* flags; perm is used when the file is created. Handles are never inherited by children.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// MkdirAll creates path and its missing parents. The new names are durable only after SyncDir of each parent.
	MkdirAll(path string, perm fs.FileMode) error
	// Rename moves a file or directory, replacing a file (or empty directory) of the new name in one step.
	Rename(oldPath, newPath string) error
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	// RemoveAll deletes path and everything below it; a path that does not exist is no error.
	RemoveAll(path string) error
	// ReadDir lists a directory in the order of the names.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Stat describes name, following symbolic links.
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes all names created, renamed or removed in directory name durable.
	SyncDir(name string) error
	// Free tells how many bytes an unprivileged writer may still allocate on the file system that holds path, and
	// how many it has in all.
	Free(path string) (freeBytes, totalBytes int64, err error)
}

// File is an open regular file. All methods are safe for concurrent use; concurrent overlapping writes land in an
// unspecified order.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Name is the path the file was opened with.
	Name() string
	// Size is the length of the file in bytes.
	Size() (int64, error)
	// Allocated is the space the file takes on the device in bytes; holes take none.
	Allocated() (int64, error)
	// Truncate sets the length; a file that grows gets a hole.
	Truncate(size int64) error
	// Sync makes content and attributes durable. See the package comment for what an error means.
	Sync() error
	// Datasync makes the content durable, with the attributes needed to read it back (its length).
	Datasync() error
	// PunchHole frees n bytes at off, which then read as zeros; the length stays. ErrNotSupported where the file
	// system cannot.
	PunchHole(off, n int64) error
	// ZeroRange makes n bytes at off read as zeros and keeps them allocated; the length stays. ErrNotSupported where
	// the file system cannot.
	ZeroRange(off, n int64) error
	// NextData is the first offset >= off that holds data, or io.EOF when only a hole follows.
	NextData(off int64) (int64, error)
	// NextHole is the first offset >= off that lies in a hole; the end of the file counts as one.
	// off must lie inside the file, else io.EOF.
	NextHole(off int64) (int64, error)
	// ReadAtNowait reads like ReadAt but only what is already in memory: ErrWouldBlock when it would have to wait for
	// the device or when the file system cannot tell. A short read is never returned with a nil error.
	ReadAtNowait(p []byte, off int64) (int, error)
	// CopyRange copies n bytes of src to this file, in the kernel where it can. It returns io.ErrUnexpectedEOF when
	// src is shorter.
	CopyRange(src File, srcOff, dstOff, n int64) error
	// Reflink makes this file share all blocks of src, copy-on-write. ErrNotSupported where the file system cannot.
	Reflink(src File) error
	// Lock takes the exclusive advisory lock of the file for this handle, without waiting: ErrLocked when another
	// handle has it. It is released by Close and by the death of the process.
	Lock() error
}
