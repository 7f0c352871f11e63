// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hivecloud/hive/blockstore"
)

const (
	maxIDBytes = 64
	// MaxVolumeBytes is the largest volume: what ext4 holds in one file, 16 TiB less one block.
	MaxVolumeBytes = 16<<40 - blockstore.BlockBytes

	newMark  = ".new-" // a directory under construction
	goneMark = ".del-" // a directory on its way out

	dataName = "data"
	metaName = "meta"
	lockName = "lock"
)

// checkID allows only what is safe as a directory name and cannot be taken for a leftover.
func checkID(id string) error {
	if id == "" || len(id) > maxIDBytes || id[0] == '.' {
		return fmt.Errorf("id %q: %w", id, blockstore.ErrInvalid)
	}
	for _, c := range id {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("-_.", c) {
			return fmt.Errorf("id %q has %q: %w", id, c, blockstore.ErrInvalid)
		}
	}
	return nil
}

func checkSize(bytes int64) error {
	if bytes <= 0 || bytes > MaxVolumeBytes || bytes%blockstore.BlockBytes != 0 {
		return fmt.Errorf("size %d bytes, want a multiple of %d up to %d: %w", bytes, blockstore.BlockBytes, int64(MaxVolumeBytes), blockstore.ErrInvalid)
	}
	return nil
}

// roundUp is the next whole number of blocks.
func roundUp(bytes int64) int64 {
	return (bytes + blockstore.BlockBytes - 1) / blockstore.BlockBytes * blockstore.BlockBytes
}

func tempName(parent, mark, id string) string {
	return filepath.Join(parent, mark+id+"-"+rand.Text())
}

// nameLocks lets one caller at a time work on an id.
type nameLocks struct {
	mu   sync.Mutex
	busy map[string]*nameLock
}

type nameLock struct {
	mu    sync.Mutex
	users int
}

// lock waits for the id and returns what unlocks it.
func (n *nameLocks) lock(id string) (unlock func()) {
	n.mu.Lock()
	if n.busy == nil {
		n.busy = make(map[string]*nameLock)
	}
	l := n.busy[id]
	if l == nil {
		l = &nameLock{}
		n.busy[id] = l
	}
	l.users++
	n.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(n.busy, id)
		}
	}
}
