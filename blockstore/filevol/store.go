// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
)

// Config says where a store is.
type Config struct {
	// Dir holds everything; it is created when missing. Required.
	Dir string
	// FS is the file system; nil means vfs.OS().
	FS vfs.FS
	// ReserveBytes is what creations and imports must leave free on the file system, so that the writes of volumes that
	// exist do not stop because new ones were made. 0 reserves nothing.
	ReserveBytes int64
}

// Store is a directory of volumes and snapshots. All methods are safe for concurrent use between Open and Close.
type Store struct {
	fs      vfs.FS
	dir     string
	reserve int64
	names   nameLocks
	lock    vfs.File
	// promised is what creations and imports under way will still take, in bytes.
	promised atomic.Int64
}

// New checks the configuration; it touches nothing.
func New(cfg Config) (*Store, error) {
	if cfg.Dir == "" {
		return nil, errors.New("filevol: config has no directory")
	}
	if cfg.ReserveBytes < 0 {
		return nil, fmt.Errorf("filevol: reserve of %d bytes", cfg.ReserveBytes)
	}
	if cfg.FS == nil {
		cfg.FS = vfs.OS()
	}
	return &Store{fs: cfg.FS, dir: cfg.Dir, reserve: cfg.ReserveBytes}, nil
}

// Open creates the directories when they are missing, takes the lock of the store (blockstore.ErrInUse when another
// process has it) and removes what a crash left half-made or half-deleted.
func (s *Store) Open() error {
	for _, dir := range []string{s.volumesDir(), s.snapshotsDir()} {
		if err := vfs.MkdirAllDurable(s.fs, dir, 0o700); err != nil {
			return fmt.Errorf("create store %s: %w", s.dir, err)
		}
	}
	// Also when nothing was missing: a process that died may have made the names without syncing them.
	for _, dir := range []string{filepath.Dir(s.dir), s.dir} {
		if err := s.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("create store %s: %w", s.dir, err)
		}
	}
	lock, err := s.takeLock(filepath.Join(s.dir, lockName), os.O_CREATE)
	if err != nil {
		return fmt.Errorf("open store %s: %w", s.dir, err)
	}
	s.lock = lock
	if err := s.sweep(); err != nil {
		s.lock.Close()
		return fmt.Errorf("clean store %s: %w", s.dir, err)
	}
	return nil
}

// Close gives the lock back. Open volumes stay open; close them first.
func (s *Store) Close() error { return s.lock.Close() }

func (s *Store) volumesDir() string           { return filepath.Join(s.dir, "volumes") }
func (s *Store) snapshotsDir() string         { return filepath.Join(s.dir, "snapshots") }
func (s *Store) volumeDir(id string) string   { return filepath.Join(s.volumesDir(), id) }
func (s *Store) snapshotDir(id string) string { return filepath.Join(s.snapshotsDir(), id) }
func snapshotKey(id string) string            { return "snapshot/" + id }
func volumeKey(id string) string              { return "volume/" + id }
func isLeftover(name string) bool {
	return strings.HasPrefix(name, newMark) || strings.HasPrefix(name, goneMark)
}
func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
func noSpace(err error) bool  { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// dress turns a full disk into ErrNoSpace; the original stays in the chain.
func dress(err error) error {
	if err != nil && noSpace(err) && !errors.Is(err, blockstore.ErrNoSpace) {
		return fmt.Errorf("%w: %w", blockstore.ErrNoSpace, err)
	}
	return err
}

// takeLock opens a lock file and locks it; the lock lives as long as the handle.
func (s *Store) takeLock(name string, flag int) (vfs.File, error) {
	f, err := s.fs.OpenFile(name, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Lock(); err != nil {
		f.Close()
		if errors.Is(err, vfs.ErrLocked) {
			err = blockstore.ErrInUse
		}
		return nil, err
	}
	return f, nil
}

// sweep removes the leftovers of a crash: directories that never got their name or had lost it, and the temporary
// files of metadata that was being replaced.
func (s *Store) sweep() error {
	for _, parent := range []string{s.volumesDir(), s.snapshotsDir()} {
		entries, err := s.fs.ReadDir(parent)
		if err != nil {
			return err
		}
		for _, e := range entries {
			path := filepath.Join(parent, e.Name())
			if isLeftover(e.Name()) {
				err = s.fs.RemoveAll(path)
			} else {
				err = s.sweepTemps(path)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) sweepTemps(dir string) error {
	entries, err := s.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), metaName+".") {
			continue
		}
		if err := s.fs.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// build makes a directory under a temporary name, lets fill write its files, and gives it its name in one step. When anything
// fails, nothing of it remains.
func (s *Store) build(parent, id string, fill func(dir string) error) (err error) {
	tmp := tempName(parent, newMark, id)
	if err := s.fs.MkdirAll(tmp, 0o700); err != nil {
		return dress(err)
	}
	defer func() {
		if err != nil {
			// The first error is the one to tell; the sweep of the next start removes what this cannot.
			_ = s.fs.RemoveAll(tmp)
		}
	}()
	if err := fill(tmp); err != nil {
		return dress(err)
	}
	if err := s.fs.SyncDir(tmp); err != nil {
		return dress(err)
	}
	final := filepath.Join(parent, id)
	if err := s.fs.Rename(tmp, final); err != nil {
		return dress(err)
	}
	if err := s.fs.SyncDir(parent); err != nil {
		// The name may or may not be durable. Take it away, so that what is reported as failed is not there.
		_ = s.fs.Rename(final, tmp)
		return dress(err)
	}
	return nil
}

// drop takes the name away in one step and then removes the files.
func (s *Store) drop(parent, id string) error {
	gone := tempName(parent, goneMark, id)
	if err := s.fs.Rename(filepath.Join(parent, id), gone); err != nil {
		return err
	}
	if err := s.fs.SyncDir(parent); err != nil {
		return err
	}
	return s.fs.RemoveAll(gone)
}

// Space is the room of the file system that holds the store.
type Space struct {
	FreeBytes    int64 // what an unprivileged writer may still allocate
	TotalBytes   int64
	ReserveBytes int64 // what creations and imports must leave free
}

// Space asks the file system.
func (s *Store) Space() (Space, error) {
	free, total, err := s.fs.Free(s.dir)
	if err != nil {
		return Space{}, fmt.Errorf("ask for free space of %s: %w", s.dir, err)
	}
	return Space{FreeBytes: free, TotalBytes: total, ReserveBytes: s.reserve}, nil
}

// claim promises need bytes to the caller, or ErrNoSpace when that would eat the reserve. Claims of callers at the
// same time add up; what one has written meanwhile counts twice until it is released, which errs to the safe side.
func (s *Store) claim(need int64) (release func(), err error) {
	space, err := s.Space()
	if err != nil {
		return nil, err
	}
	total := s.promised.Add(need)
	if space.FreeBytes-total < s.reserve {
		s.promised.Add(-need)
		return nil, fmt.Errorf("%d bytes wanted, %d free, %d promised, %d reserved: %w",
			need, space.FreeBytes, total-need, s.reserve, blockstore.ErrNoSpace)
	}
	return func() { s.promised.Add(-need) }, nil
}
