// SPDX-License-Identifier: Apache-2.0

package simguest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/internal/vfs"
)

// Directories below the one that Keep was given. A file in them has the name of a volume or snapshot and holds its size
// in bytes, decimal, and a newline.
const (
	volumesDir   = "volumes"
	snapshotsDir = "snapshots"
)

// Keep takes the volumes and snapshots over that dir remembers, and remembers those to come there. It is called before
// the host is used.
func (h *Host) Keep(dir string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, kind := range []struct {
		name string
		into map[string]int64
	}{{volumesDir, h.volumes}, {snapshotsDir, h.snapshots}} {
		if err := recall(filepath.Join(dir, kind.name), kind.into); err != nil {
			return err
		}
	}
	for _, size := range h.volumes {
		h.free -= size
	}
	h.dir = dir
	return nil
}

// recall makes dir and reads the sizes that it holds.
func recall(dir string, into map[string]int64) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory of simulated disks: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list simulated disks: %w", err)
	}
	for _, e := range entries {
		if vfs.Temporary(e.Name()) {
			continue // a write that was cut off
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return fmt.Errorf("read simulated disk: %w", err)
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("read simulated disk %s: %q is not a size in bytes", filepath.Join(dir, e.Name()), text)
		}
		into[e.Name()] = size
	}
	return nil
}

// remember makes the existence of a disk durable, where the host keeps any.
func (h *Host) remember(kind, id string, size int64) error {
	if h.dir == "" {
		return nil
	}
	if id != filepath.Base(id) {
		return fmt.Errorf("remember simulated disk %q: that is no id", id)
	}
	if err := vfs.WriteFileAtomic(vfs.OS(), filepath.Join(h.dir, kind, id), fmt.Appendf(nil, "%d\n", size), 0o600); err != nil {
		return fmt.Errorf("remember simulated disk %s: %w", id, err)
	}
	return nil
}

func (h *Host) forget(kind, id string) error {
	if h.dir == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(h.dir, kind, filepath.Base(id))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget simulated disk %s: %w", id, err)
	}
	return nil
}

// HasVolume tells whether a volume is there.
func (h *Host) HasVolume(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.volumes[id]
	return ok
}

// HasSnapshot tells whether a snapshot is there.
func (h *Host) HasSnapshot(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.snapshots[id]
	return ok
}

// AddSnapshot makes a snapshot of a size in bytes be there, as if its data had come from another node.
func (h *Host) AddSnapshot(id string, size int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.remember(snapshotsDir, id, size); err != nil {
		return err
	}
	h.snapshots[id] = size
	return nil
}

// ImportSnapshot reads a raw file, as a block store would, and keeps nothing of it but the length. It returns the
// file's length in bytes and its SHA-256.
func (h *Host) ImportSnapshot(_ context.Context, id, path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", fmt.Errorf("import snapshot %s: %w", id, err)
	}
	defer f.Close()
	hash := sha256.New()
	if size, err = io.Copy(hash, f); err != nil {
		return 0, "", fmt.Errorf("import snapshot %s: %w", id, err)
	}
	return size, hex.EncodeToString(hash.Sum(nil)), h.AddSnapshot(id, size)
}

// Create makes a volume.
func (h *Host) Create(_ context.Context, volume string, size int64, snapshot string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.volumes[volume]; ok {
		return nil
	}
	if _, ok := h.snapshots[snapshot]; snapshot != "" && !ok {
		return fmt.Errorf("create volume %s: %w", volume, executor.ErrNoSnapshot)
	}
	if size > h.free {
		return fmt.Errorf("create volume %s: %w", volume, executor.ErrNoSpace)
	}
	if err := h.remember(volumesDir, volume, size); err != nil {
		return err
	}
	h.free -= size
	h.volumes[volume] = size
	return nil
}

// Has tells whether a volume is there.
func (h *Host) Has(_ context.Context, volume string) error {
	if !h.HasVolume(volume) {
		return fmt.Errorf("volume %s: %w", volume, executor.ErrNoVolume)
	}
	return nil
}

// Delete removes a volume.
func (h *Host) Delete(_ context.Context, volume string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.forget(volumesDir, volume); err != nil {
		return err
	}
	h.free += h.volumes[volume]
	delete(h.volumes, volume)
	return nil
}

// Release notes that a volume was released.
func (h *Host) Release(context.Context, string, uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released++
	return nil
}

// DeleteSnapshot removes a snapshot.
func (h *Host) DeleteSnapshot(_ context.Context, snapshot string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.forget(snapshotsDir, snapshot); err != nil {
		return err
	}
	delete(h.snapshots, snapshot)
	return nil
}

// Free is the disk that is left, in bytes.
func (h *Host) Free(context.Context) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.free, nil
}
