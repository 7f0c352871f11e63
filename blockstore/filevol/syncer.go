// SPDX-License-Identifier: Apache-2.0

package filevol

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hivecloud/hive/blockstore"
)

// syncer makes one fdatasync serve every flush that waits, and never asks a second time after it failed.
//
// Each change counts up. A flush is done when a sync has succeeded that began after all changes answered before the
// flush. The naive way, one fdatasync per flush, makes sixteen guests' flushes wait for each other in the kernel;
// here those that arrive during a sync share the next one.
type syncer struct {
	sync   func() error
	onFail func() // called once, before the failure is told

	changes atomic.Uint64
	err     atomic.Pointer[error]

	mu      sync.Mutex
	cond    *sync.Cond
	clean   uint64 // changes covered by a sync that succeeded
	running bool
}

// newSyncer starts dirty: a process that died may have answered writes that it never synced.
func newSyncer(syncFile func() error, onFail func()) *syncer {
	s := &syncer{sync: syncFile, onFail: onFail}
	s.cond = sync.NewCond(&s.mu)
	s.changes.Store(1)
	return s
}

// dirty must be called after a change reached the file and before it is answered.
func (s *syncer) dirty() { s.changes.Add(1) }

// failed is the error of the sync that failed, for ever.
func (s *syncer) failed() error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *syncer) flush() error {
	want := s.changes.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.failed(); err != nil {
			return err
		}
		if s.clean >= want {
			return nil
		}
		if !s.running {
			s.lead()
			continue
		}
		s.cond.Wait()
	}
}

// lead syncs for everybody who waits now. The lock is held on entry and exit, not during the sync.
func (s *syncer) lead() {
	s.running = true
	covered := s.changes.Load()
	s.mu.Unlock()
	err := s.sync()
	if err != nil {
		s.onFail()
	}
	s.mu.Lock()
	s.running = false
	if err != nil {
		err = fmt.Errorf("%w: %w", blockstore.ErrFailed, err)
		s.err.Store(&err)
	} else {
		s.clean = max(s.clean, covered)
	}
	s.cond.Broadcast()
}
