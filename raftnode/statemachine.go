// SPDX-License-Identifier: Apache-2.0

package raftnode

import "io"

// Entry is one committed command.
type Entry struct {
	Index uint64 // position in the log; grows, not always by one
	Term  uint64 // term of the leader that appended it
	Data  []byte // as the proposer (or Config.Prepare) made it; must not be changed
}

// StateMachine is the truth that a group keeps. Apply, Snapshot and Restore are called by one goroutine, one at a time.
type StateMachine interface {
	// Apply carries out an entry and returns the answer for its proposer. It must do the same on every member: entries
	// arrive in the same order everywhere, each exactly once between two restores. A proposal may be appended twice when
	// a leader is lost; that the second has no effect and the first one's answer is the state machine's business. An
	// entry that cannot be understood is, too (members that skip what others apply diverge).
	Apply(Entry) []byte
	// Snapshot captures the present state. It must be quick, for Apply waits.
	Snapshot() (Snapshot, error)
	// Restore replaces the whole state by one that Persist wrote. After an error the old state must not be used.
	Restore(io.Reader) error
}

// Snapshot is a state at one point. It does not change while the state machine goes on.
type Snapshot interface {
	// Persist writes the state. It runs beside Apply and may take its time.
	Persist(io.Writer) error
	// Release is called once, also when Persist was not.
	Release()
}
