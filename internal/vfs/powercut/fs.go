// SPDX-License-Identifier: Apache-2.0

package powercut

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/hivecloud/hive/internal/vfs"
)

// ErrPowerOff is what every handle answers that was open when the power failed or its process died.
var ErrPowerOff = errors.New("handle is from before the crash")

// FS is a file system in memory that can lose its power.
type FS struct {
	mu           sync.Mutex
	rand         *rand.Rand
	root         *node
	pendingNames []*nameOp
	generation   int // grows with every crash and kill; older handles are dead
	free         int64
	inert        bool // syncs are lies: for teeth tests
	limited      bool
	left         int // operations until the power fails, when limited
}

var _ vfs.FS = (*FS)(nil)

// New is an empty file system; equal seeds and equal calls give equal crashes.
func New(seed uint64) *FS {
	return &FS{rand: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), root: newDir(), free: 1 << 40}
}

// Crash cuts the power and turns it on again: what was synced stays, of the rest a random part. Open handles die.
func (f *FS) Crash() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	f.limited = false
	f.crash()
}

// Kill ends the process that uses the file system: open handles and locks die, nothing is lost.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	f.limited = false
	f.root.unlock()
}

// IgnoreSyncs makes every later Sync, Datasync and SyncDir succeed without doing anything, as a lying disk does.
// A durability test that still passes then has no teeth.
func (f *FS) IgnoreSyncs() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inert = true
}

// FailAfter lets n more operations happen; every later one answers ErrPowerOff and does nothing, until Crash or Kill.
// Running a script with n = 0, 1, 2, ... visits every moment at which the power can fail or the process die.
func (f *FS) FailAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limited, f.left = true, n
}

// spend counts an operation. The caller holds the lock.
func (f *FS) spend() error {
	if !f.limited {
		return nil
	}
	if f.left == 0 {
		return ErrPowerOff
	}
	f.left--
	return nil
}

// SetFree sets what Free answers, in bytes.
func (f *FS) SetFree(free int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = free
}

func pathErr(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// OpenFile opens name; of the flags it knows O_CREATE, O_EXCL, O_TRUNC and the access modes.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return nil, pathErr("open", name, err)
	}
	dir, base, err := f.parent(name)
	if err != nil {
		return nil, pathErr("open", name, err)
	}
	n := dir.names[base]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, pathErr("open", name, syscall.ENOENT)
	case n != nil && flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, pathErr("open", name, syscall.EEXIST)
	case n != nil && n.dir:
		return nil, pathErr("open", name, syscall.EISDIR)
	case n == nil:
		n = newFile()
		f.bind(edit{dir: dir, name: base, to: n})
	}
	h := &file{fs: f, node: n, name: name, generation: f.generation, writable: flag&(os.O_WRONLY|os.O_RDWR) != 0}
	if flag&os.O_TRUNC != 0 {
		h.change(dataOp{kind: opTruncate})
	}
	return h, nil
}

// MkdirAll creates path and its missing parents.
func (f *FS) MkdirAll(path string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return pathErr("mkdir", path, err)
	}
	dir := f.root
	for _, name := range split(path) {
		next := dir.names[name]
		if next == nil {
			next = newDir()
			f.bind(edit{dir: dir, name: name, to: next})
		}
		if !next.dir {
			return pathErr("mkdir", path, syscall.ENOTDIR)
		}
		dir = next
	}
	return nil
}

// Rename moves a name in one step.
func (f *FS) Rename(oldPath, newPath string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return &os.LinkError{Op: "rename", Old: oldPath, New: newPath, Err: err}
	}
	if err := f.rename(oldPath, newPath); err != nil {
		return &os.LinkError{Op: "rename", Old: oldPath, New: newPath, Err: err}
	}
	return nil
}

func (f *FS) rename(oldPath, newPath string) error {
	from, oldName, err := f.parent(oldPath)
	if err != nil {
		return err
	}
	to, newName, err := f.parent(newPath)
	if err != nil {
		return err
	}
	n := from.names[oldName]
	if n == nil {
		return syscall.ENOENT
	}
	if over := to.names[newName]; over != nil && over != n {
		if over.dir != n.dir {
			return syscall.EEXIST
		}
		if len(over.names) > 0 {
			return syscall.ENOTEMPTY
		}
	}
	f.bind(edit{dir: from, name: oldName}, edit{dir: to, name: newName, to: n})
	return nil
}

// Remove deletes a file or an empty directory.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return pathErr("remove", name, err)
	}
	dir, base, err := f.parent(name)
	if err != nil {
		return pathErr("remove", name, err)
	}
	n := dir.names[base]
	if n == nil {
		return pathErr("remove", name, syscall.ENOENT)
	}
	if len(n.names) > 0 {
		return pathErr("remove", name, syscall.ENOTEMPTY)
	}
	f.bind(edit{dir: dir, name: base})
	return nil
}

// RemoveAll deletes path and what is below, file by file, as the real one does.
func (f *FS) RemoveAll(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return pathErr("remove", path, err)
	}
	dir, base, err := f.parent(path)
	if errors.Is(err, syscall.ENOENT) || (err == nil && dir.names[base] == nil) {
		return nil
	}
	if err != nil {
		return pathErr("remove", path, err)
	}
	f.removeTree(dir, base)
	return nil
}

func (f *FS) removeTree(dir *node, base string) {
	n := dir.names[base]
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		f.removeTree(n, name)
	}
	f.bind(edit{dir: dir, name: base})
}

// ReadDir lists a directory.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return nil, pathErr("readdir", name, err)
	}
	n, err := f.find(name)
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, pathErr("readdir", name, err)
	}
	var entries []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(n.names)) {
		entries = append(entries, fs.FileInfoToDirEntry(n.names[base].info(base)))
	}
	return entries, nil
}

// Stat describes name.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return nil, pathErr("stat", name, err)
	}
	n, err := f.find(name)
	if err != nil {
		return nil, pathErr("stat", name, err)
	}
	return n.info(filepath.Base(name)), nil
}

// SyncDir makes the names of a directory durable.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return pathErr("sync", name, err)
	}
	n, err := f.find(name)
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return pathErr("sync", name, err)
	}
	if !f.inert {
		f.syncDir(n)
	}
	return nil
}

// Free answers what SetFree set, 1 TiB by default; the total is twice that.
func (f *FS) Free(string) (freeBytes, totalBytes int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return 0, 0, err
	}
	return f.free, 2 << 40, nil
}
