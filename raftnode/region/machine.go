// SPDX-License-Identifier: Apache-2.0

package region

import (
	"io"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/raftnode"
)

// StateMachine is the region's state machine in the form in which the log drives it.
func StateMachine(f *fsm.FSM) raftnode.StateMachine { return machine{f} }

type machine struct{ fsm *fsm.FSM }

var _ raftnode.StateMachine = machine{}

// Apply applies one entry.
func (m machine) Apply(e raftnode.Entry) []byte { return m.fsm.Apply(e.Index, e.Data) }

// Snapshot captures the present state.
func (m machine) Snapshot() (raftnode.Snapshot, error) { return picture{m.fsm.Snapshot()}, nil }

// Restore replaces the state.
func (m machine) Restore(r io.Reader) error { return m.fsm.Restore(r) }

// picture is a snapshot that needs no release: go-memdb's views are garbage-collected.
type picture struct{ *fsm.Snapshot }

// Release does nothing.
func (picture) Release() {}
