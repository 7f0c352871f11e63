// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/internal/vfs"
)

// SnapshotInfo describes a snapshot.
type SnapshotInfo struct {
	ID             string
	SizeBytes      int64
	AllocatedBytes int64
	SHA256         string // of all SizeBytes, in hex
	// Problem is set, and everything but ID is not, when the metadata cannot be read.
	Problem string
}

// ImportSnapshot makes a snapshot of a raw file, padded with zeros to whole blocks. It is idempotent: the same content
// under the same id is no error, other content is blockstore.ErrConflict. It returns when the snapshot is durable.
// The file must not change meanwhile. Errors: ErrInvalid, ErrConflict, ErrNoSpace, ErrNotFound (the file).
func (s *Store) ImportSnapshot(ctx context.Context, id, path string) (SnapshotInfo, error) {
	info, err := s.importSnapshot(ctx, id, path)
	if err != nil {
		return SnapshotInfo{}, fmt.Errorf("import snapshot %s from %s: %w", id, path, err)
	}
	return info, nil
}

func (s *Store) importSnapshot(ctx context.Context, id, path string) (SnapshotInfo, error) {
	if err := checkID(id); err != nil {
		return SnapshotInfo{}, err
	}
	src, err := s.fs.OpenFile(path, os.O_RDONLY, 0)
	if notExist(err) {
		return SnapshotInfo{}, blockstore.ErrNotFound
	}
	if err != nil {
		return SnapshotInfo{}, err
	}
	defer src.Close()
	size, err := src.Size()
	if err != nil {
		return SnapshotInfo{}, err
	}
	if err := checkSize(roundUp(size)); err != nil {
		return SnapshotInfo{}, err
	}
	defer s.names.lock(snapshotKey(id))()
	have, err := s.readSnapshotMeta(id)
	if err == nil {
		return s.sameSnapshot(ctx, have, src, size)
	}
	if !errors.Is(err, blockstore.ErrNotFound) {
		return SnapshotInfo{}, err
	}
	return s.copySnapshot(ctx, id, src, size)
}

// sameSnapshot answers a repeated import.
func (s *Store) sameSnapshot(ctx context.Context, have snapshotMeta, src vfs.File, size int64) (SnapshotInfo, error) {
	conflict := fmt.Errorf("%d bytes with SHA-256 %x: %w", have.SizeBytes, have.SHA256, blockstore.ErrConflict)
	if have.SizeBytes != roundUp(size) {
		return SnapshotInfo{}, conflict
	}
	sum, err := hashFile(ctx, src, size, have.SizeBytes)
	if err != nil {
		return SnapshotInfo{}, err
	}
	if sum != have.SHA256 {
		return SnapshotInfo{}, conflict
	}
	if err := s.fs.SyncDir(s.snapshotsDir()); err != nil {
		return SnapshotInfo{}, err
	}
	return s.StatSnapshot(have.ID)
}

func (s *Store) copySnapshot(ctx context.Context, id string, src vfs.File, size int64) (SnapshotInfo, error) {
	allocated, err := src.Allocated()
	if err != nil {
		return SnapshotInfo{}, err
	}
	release, err := s.claim(allocated + volumeOverhead)
	if err != nil {
		return SnapshotInfo{}, err
	}
	defer release()
	err = s.build(s.snapshotsDir(), id, func(dir string) error {
		meta := snapshotMeta{ID: id, SizeBytes: roundUp(size)}
		err := s.writeFile(filepath.Join(dir, dataName), func(f vfs.File) error {
			if err := vfs.CopySparse(ctx, f, src, size); err != nil {
				return err
			}
			if err := f.Truncate(meta.SizeBytes); err != nil {
				return err
			}
			// The sum is of the copy: what it says is what clones will be made of.
			var err error
			meta.SHA256, err = hashFile(ctx, f, meta.SizeBytes, meta.SizeBytes)
			return err
		})
		if err != nil {
			return err
		}
		return vfs.WriteFileAtomic(s.fs, filepath.Join(dir, metaName), meta.encode(), 0o600)
	})
	if err != nil {
		return SnapshotInfo{}, err
	}
	return s.StatSnapshot(id)
}

// hashFile is the SHA-256 of the first size bytes of f, padded with zeros to total. Holes are not read.
func hashFile(ctx context.Context, f vfs.File, size, total int64) (sum [32]byte, err error) {
	h := sha256.New()
	done := int64(0)
	buf := make([]byte, 1<<20)
	err = vfs.EachData(ctx, f, size, func(off, length int64) error {
		if err := hashZeros(ctx, h, off-done); err != nil {
			return err
		}
		done = off + length
		_, err := io.CopyBuffer(onlyWriter{h}, io.NewSectionReader(f, off, length), buf)
		return err
	})
	if err != nil {
		return sum, err
	}
	if err := hashZeros(ctx, h, total-done); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// onlyWriter hides what else a hash can do, so that CopyBuffer uses the buffer.
type onlyWriter struct{ io.Writer }

var zeros [1 << 20]byte

func hashZeros(ctx context.Context, h hash.Hash, n int64) error {
	for n > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		part := min(n, int64(len(zeros)))
		h.Write(zeros[:part])
		n -= part
	}
	return nil
}

// DeleteSnapshot removes a snapshot; volumes made from it keep their own copy. One that does not exist is no error.
func (s *Store) DeleteSnapshot(_ context.Context, id string) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("delete snapshot: %w", err)
	}
	defer s.names.lock(snapshotKey(id))()
	err := s.drop(s.snapshotsDir(), id)
	if notExist(err) {
		err = s.fs.SyncDir(s.snapshotsDir())
	}
	if err != nil {
		return fmt.Errorf("delete snapshot %s: %w", id, err)
	}
	return nil
}

// StatSnapshot describes one snapshot: blockstore.ErrNotFound, ErrCorrupt.
func (s *Store) StatSnapshot(id string) (SnapshotInfo, error) {
	if err := checkID(id); err != nil {
		return SnapshotInfo{}, err
	}
	meta, err := s.readSnapshotMeta(id)
	if err != nil {
		return SnapshotInfo{}, fmt.Errorf("stat snapshot %s: %w", id, err)
	}
	allocated, err := s.allocated(s.snapshotDir(id))
	if err != nil {
		return SnapshotInfo{}, fmt.Errorf("stat snapshot %s: %w", id, err)
	}
	return SnapshotInfo{ID: id, SizeBytes: meta.SizeBytes, AllocatedBytes: allocated, SHA256: hex.EncodeToString(meta.SHA256[:])}, nil
}

// Snapshots describes all snapshots in the order of their ids. One that cannot be read is listed with its problem.
func (s *Store) Snapshots() ([]SnapshotInfo, error) {
	ids, err := s.ids(s.snapshotsDir())
	if err != nil {
		return nil, err
	}
	var list []SnapshotInfo
	for _, id := range ids {
		info, err := s.StatSnapshot(id)
		if errors.Is(err, blockstore.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			info = SnapshotInfo{ID: id, Problem: err.Error()}
		}
		list = append(list, info)
	}
	return list, nil
}

// SnapshotPath is the raw file of a snapshot, for those who read it in place. They must not write it.
func (s *Store) SnapshotPath(id string) string { return filepath.Join(s.snapshotDir(id), dataName) }

func (s *Store) readSnapshotMeta(id string) (snapshotMeta, error) {
	data, err := s.readMeta(s.snapshotDir(id))
	if err != nil {
		return snapshotMeta{}, err
	}
	meta, err := decodeSnapshotMeta(data)
	if err == nil && meta.ID != id {
		err = corrupt("is of snapshot %s", meta.ID)
	}
	return meta, err
}
