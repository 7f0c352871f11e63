// SPDX-License-Identifier: Apache-2.0

package vfs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempMark stands in every temporary name, so that leftovers of a crash can be told from real files.
const tempMark = ".tmp-"

// Temporary tells whether a file's name is one of WriteFileAtomic's temporary ones: what a crash left.
func Temporary(name string) bool { return strings.Contains(filepath.Base(name), tempMark) }

// WriteFileAtomic replaces the content of name in one step: whatever happens, a reader finds the old content or the
// new one, whole, and once it returned nil the new one survives a power cut. Two writers at once never share a
// temporary file; the later rename wins.
func WriteFileAtomic(fsys FS, name string, data []byte, perm fs.FileMode) (err error) {
	tmp := name + tempMark + rand.Text()
	f, err := fsys.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return fmt.Errorf("create temporary file: %w", err)
	}
	defer func() {
		if err != nil {
			// The error that brought us here is the one to tell; a leftover is harmless and recognisable.
			_ = fsys.Remove(tmp)
		}
	}()
	if err := fill(f, data); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", tmp, err)
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	if err := fsys.SyncDir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("sync directory of %s: %w", name, err)
	}
	return nil
}

func fill(f File, data []byte) error {
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return f.Sync()
}

// ReadFile returns the whole content of name, or an error that names the file when it is longer than limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("read %s: %d bytes, at most %d expected", name, size, limit)
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); err != nil && !(errors.Is(err, io.EOF) && n == len(data)) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// MkdirAllDurable creates path and its missing parents and makes all the new names durable.
func MkdirAllDurable(fsys FS, path string, perm fs.FileMode) error {
	var parents []string // of the names that are new, the topmost last
	for at := filepath.Clean(path); ; at = filepath.Dir(at) {
		_, err := fsys.Stat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		parents = append(parents, filepath.Dir(at))
	}
	if err := fsys.MkdirAll(path, perm); err != nil {
		return err
	}
	for _, dir := range parents {
		if err := fsys.SyncDir(dir); err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, err)
		}
	}
	return nil
}
