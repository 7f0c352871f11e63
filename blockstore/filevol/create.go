// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
)

// volumeOverhead is what an empty volume takes: its directory, metadata and the file system's own records.
const volumeOverhead = 64 << 10

// VolumeSpec says what volume to make.
type VolumeSpec struct {
	// ID names it: 1 to 64 bytes of A-Z a-z 0-9 - _ . and no dot in front.
	ID string
	// SizeBytes is its length, a multiple of blockstore.BlockBytes and not smaller than the snapshot.
	SizeBytes int64
	// Snapshot is the id of the snapshot it starts as; empty means all zeros.
	Snapshot string
}

// CreateVolume makes a volume. It is idempotent: the same spec again is no error, another spec under the same id is
// blockstore.ErrConflict. It returns when the volume is durable; a crash before leaves nothing.
// Errors: ErrInvalid, ErrConflict, ErrNotFound (the snapshot), ErrNoSpace.
func (s *Store) CreateVolume(ctx context.Context, spec VolumeSpec) error {
	if err := s.createVolume(ctx, spec); err != nil {
		return fmt.Errorf("create volume %s: %w", spec.ID, err)
	}
	return nil
}

func (s *Store) createVolume(ctx context.Context, spec VolumeSpec) error {
	if err := spec.check(); err != nil {
		return err
	}
	defer s.names.lock(volumeKey(spec.ID))()
	have, err := s.readVolumeMeta(spec.ID)
	if err == nil {
		if have.CreatedBytes != spec.SizeBytes || have.Origin != spec.Snapshot {
			return fmt.Errorf("%d bytes from snapshot %q: %w", have.CreatedBytes, have.Origin, blockstore.ErrConflict)
		}
		// It may have appeared by a rename whose SyncDir was cut short; make sure before saying yes.
		return s.fs.SyncDir(s.volumesDir())
	}
	if !errors.Is(err, blockstore.ErrNotFound) {
		return err
	}
	origin, err := s.openOrigin(spec)
	if err != nil {
		return err
	}
	need := int64(volumeOverhead)
	if origin != nil {
		defer origin.Close()
		allocated, err := origin.Allocated()
		if err != nil {
			return err
		}
		need += allocated
	}
	release, err := s.claim(need)
	if err != nil {
		return err
	}
	defer release()
	return s.build(s.volumesDir(), spec.ID, func(dir string) error {
		return s.fillVolume(ctx, dir, spec, origin)
	})
}

func (spec VolumeSpec) check() error {
	if err := checkID(spec.ID); err != nil {
		return err
	}
	if spec.Snapshot != "" {
		if err := checkID(spec.Snapshot); err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
	}
	return checkSize(spec.SizeBytes)
}

// openOrigin opens the content of the snapshot, or returns nil when there is none. The open file stays readable when the
// snapshot is deleted meanwhile.
func (s *Store) openOrigin(spec VolumeSpec) (vfs.File, error) {
	if spec.Snapshot == "" {
		return nil, nil
	}
	meta, err := s.readSnapshotMeta(spec.Snapshot)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", spec.Snapshot, err)
	}
	if spec.SizeBytes < meta.SizeBytes {
		return nil, fmt.Errorf("%d bytes, snapshot %s has %d: %w", spec.SizeBytes, spec.Snapshot, meta.SizeBytes, blockstore.ErrInvalid)
	}
	f, err := s.fs.OpenFile(filepath.Join(s.snapshotDir(spec.Snapshot), dataName), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", spec.Snapshot, err)
	}
	if size, err := f.Size(); err != nil || size != meta.SizeBytes {
		f.Close()
		return nil, fmt.Errorf("snapshot %s: file of %d bytes, want %d: %w", spec.Snapshot, size, meta.SizeBytes, errors.Join(err, blockstore.ErrCorrupt))
	}
	return f, nil
}

// fillVolume writes the files of a volume and makes their content durable.
func (s *Store) fillVolume(ctx context.Context, dir string, spec VolumeSpec, origin vfs.File) error {
	err := s.writeFile(filepath.Join(dir, dataName), func(f vfs.File) error {
		if origin != nil {
			size, err := origin.Size()
			if err != nil {
				return err
			}
			if err := vfs.CopySparse(ctx, f, origin, size); err != nil {
				return err
			}
		}
		return f.Truncate(spec.SizeBytes)
	})
	if err != nil {
		return err
	}
	if err := s.writeFile(filepath.Join(dir, lockName), func(vfs.File) error { return nil }); err != nil {
		return err
	}
	meta := volumeMeta{SizeBytes: spec.SizeBytes, CreatedBytes: spec.SizeBytes, ID: spec.ID, Origin: spec.Snapshot}
	return vfs.WriteFileAtomic(s.fs, filepath.Join(dir, metaName), meta.encode(), 0o600)
}

// writeFile makes a new file, lets fill write it, and syncs it.
func (s *Store) writeFile(name string, fill func(vfs.File) error) error {
	f, err := s.fs.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	return f.Sync()
}

// DeleteVolume removes a volume and its data. One that does not exist is no error; one that is open is
// blockstore.ErrInUse.
func (s *Store) DeleteVolume(_ context.Context, id string) error {
	if err := s.deleteVolume(id); err != nil {
		return fmt.Errorf("delete volume %s: %w", id, err)
	}
	return nil
}

func (s *Store) deleteVolume(id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	defer s.names.lock(volumeKey(id))()
	lock, err := s.takeLock(filepath.Join(s.volumeDir(id), lockName), 0)
	if err == nil {
		defer lock.Close()
	}
	if err != nil && !notExist(err) {
		return err
	}
	// A directory without its lock file is damaged and cannot be open: it goes too.
	if err := s.drop(s.volumesDir(), id); !notExist(err) {
		return err
	}
	return s.fs.SyncDir(s.volumesDir()) // gone already; a deletion that was cut short becomes durable
}

// VolumeInfo describes a volume.
type VolumeInfo struct {
	ID             string
	SizeBytes      int64
	AllocatedBytes int64  // what it takes on the device
	Epoch          uint64 // the highest under which it was opened; 0: never
	Snapshot       string // what it was made from, or empty
	Failed         bool   // a flush was lost in this epoch
	// Problem is set, and everything but ID is not, when the metadata cannot be read.
	Problem string
}

// StatVolume describes one volume, open or not: blockstore.ErrNotFound, ErrCorrupt.
func (s *Store) StatVolume(id string) (VolumeInfo, error) {
	if err := checkID(id); err != nil {
		return VolumeInfo{}, err
	}
	meta, err := s.readVolumeMeta(id)
	if err != nil {
		return VolumeInfo{}, fmt.Errorf("stat volume %s: %w", id, err)
	}
	allocated, err := s.allocated(s.volumeDir(id))
	if err != nil {
		return VolumeInfo{}, fmt.Errorf("stat volume %s: %w", id, err)
	}
	return VolumeInfo{
		ID: id, SizeBytes: meta.SizeBytes, AllocatedBytes: allocated, Epoch: meta.Epoch, Snapshot: meta.Origin,
		Failed: meta.FailedEpoch != 0 && meta.FailedEpoch == meta.Epoch,
	}, nil
}

// Volumes describes all volumes in the order of their ids. One that cannot be read is listed with its problem.
func (s *Store) Volumes() ([]VolumeInfo, error) {
	ids, err := s.ids(s.volumesDir())
	if err != nil {
		return nil, err
	}
	var list []VolumeInfo
	for _, id := range ids {
		info, err := s.StatVolume(id)
		if errors.Is(err, blockstore.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			info = VolumeInfo{ID: id, Problem: err.Error()}
		}
		list = append(list, info)
	}
	return list, nil
}

func (s *Store) ids(parent string) ([]string, error) {
	entries, err := s.fs.ReadDir(parent)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", parent, err)
	}
	var ids []string
	for _, e := range entries {
		if checkID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

func (s *Store) allocated(dir string) (int64, error) {
	f, err := s.fs.OpenFile(filepath.Join(dir, dataName), os.O_RDONLY, 0)
	if notExist(err) {
		return 0, blockstore.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Allocated()
}

func (s *Store) readVolumeMeta(id string) (volumeMeta, error) {
	data, err := s.readMeta(s.volumeDir(id))
	if err != nil {
		return volumeMeta{}, err
	}
	meta, err := decodeVolumeMeta(data)
	if err == nil && meta.ID != id {
		err = corrupt("is of volume %s", meta.ID)
	}
	return meta, err
}

// readMeta tells a volume that does not exist from one whose metadata is missing.
func (s *Store) readMeta(dir string) ([]byte, error) {
	data, err := vfs.ReadFile(s.fs, filepath.Join(dir, metaName), maxMetadataBytes)
	if !notExist(err) {
		return data, err
	}
	if _, err := s.fs.Stat(dir); notExist(err) {
		return nil, blockstore.ErrNotFound
	}
	return nil, corrupt("missing")
}
