// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"reflect"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// board holds the Status, keeps state.json in step with it and wakes those who wait for a change.
type board struct {
	dir string
	log hclog.Logger

	mu      sync.Mutex
	status  Status
	changed chan struct{} // closed and replaced at each change
}

func newBoard(dir string, initial Status, log hclog.Logger) *board {
	return &board{dir: dir, log: log, status: initial, changed: make(chan struct{})}
}

// get returns a copy.
func (b *board) get() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status.clone()
}

// update changes the status under the lock; change must not block. A change is on disk before anybody can see it, so that no one acts
// on something that the next guard would not know. A full disk must not stop a guest: then the change is only in memory, and logged.
func (b *board) update(change func(*Status)) Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.status.clone()
	change(&next)
	if reflect.DeepEqual(next, b.status) {
		return next.clone()
	}
	next.Version++
	ended := (next.Exit != nil) != (b.status.Exit != nil) || next.Phase != b.status.Phase
	if err := writeJSON(b.dir, stateName, next, ended); err != nil {
		b.log.Error("state is not on disk", "error", err)
	}
	b.status = next
	close(b.changed)
	b.changed = make(chan struct{})
	return next.clone()
}

// wait returns the status once its version is above the given one, or as it is when ctx ends.
func (b *board) wait(ctx context.Context, version uint64) Status {
	for {
		b.mu.Lock()
		status, changed := b.status, b.changed
		b.mu.Unlock()
		if status.Version > version {
			return status.clone()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return b.get()
		}
	}
}
