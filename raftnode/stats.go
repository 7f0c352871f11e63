// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Stats is a member's own view of its group, for people and metrics.
type Stats struct {
	Node          string `json:"node"`
	Group         string `json:"group"`
	State         string `json:"state"` // leader, follower, candidate or shutdown
	Leader        string `json:"leader"`
	Serving       bool   `json:"serving"` // leads and has applied everything of earlier terms
	Term          uint64 `json:"term"`
	LastIndex     uint64 `json:"lastIndex"`
	CommitIndex   uint64 `json:"commitIndex"`
	Applied       uint64 `json:"applied"`
	Pending       uint64 `json:"pending"` // batches that wait for the state machine
	SnapshotIndex uint64 `json:"snapshotIndex"`
	// LastContact is how long ago the leader was heard; 0 on the leader, negative when it never was.
	LastContact time.Duration `json:"lastContactNanos"`
	Peers       []Peer        `json:"peers"`
}

// KeptSnapshot is a snapshot that a member keeps, to restart from and to send to those that fell behind.
type KeptSnapshot struct {
	Index uint64    `json:"index"` // last entry in it
	Term  uint64    `json:"term"`  // of that entry
	Size  int64     `json:"size"`  // bytes
	Taken time.Time `json:"taken"` // when this member took it, or began to get it from the leader; zero: unknown
}

// LastSnapshot is the newest snapshot that this member keeps; false when there is none yet.
func (n *Node) LastSnapshot() (KeptSnapshot, bool, error) {
	end, err := n.begin()
	if err != nil {
		return KeptSnapshot{}, false, err
	}
	defer end()
	all, err := n.storage.Snapshots.List() // newest first
	if err != nil {
		return KeptSnapshot{}, false, fmt.Errorf("list snapshots: %w", err)
	}
	if len(all) == 0 {
		return KeptSnapshot{}, false, nil
	}
	return KeptSnapshot{Index: all[0].Index, Term: all[0].Term, Size: all[0].Size, Taken: takenAt(all[0].ID)}, true, nil
}

// takenAt reads the time in the name that raft gives a snapshot: term, index and Unix milliseconds.
func takenAt(id string) time.Time {
	parts := strings.Split(id, "-")
	ms, err := strconv.ParseInt(parts[len(parts)-1], 10, 64)
	if len(parts) != 3 || err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Applied is the index of the last entry that the local state machine has applied.
func (n *Node) Applied() uint64 {
	index, _ := n.fsm.at()
	return index
}

// Stats collects the numbers of this member.
func (n *Node) Stats() Stats {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.state == stateNew {
		return Stats{Node: n.id, Group: n.cfg.Group, State: "closed", LastContact: -1}
	}
	number := n.raft.Stats()
	parse := func(key string) uint64 {
		// A key that raft no longer has would read as zero, which a dashboard shows.
		v, _ := strconv.ParseUint(number[key], 10, 64)
		return v
	}
	states := map[raft.RaftState]string{raft.Leader: "leader", raft.Follower: "follower", raft.Candidate: "candidate", raft.Shutdown: "shutdown"}
	state := n.raft.State()
	s := Stats{
		Node: n.id, Group: n.cfg.Group, State: states[state], Leader: n.Leader(), Serving: n.leading() != 0,
		Term: n.raft.CurrentTerm(), LastIndex: n.raft.LastIndex(), CommitIndex: n.raft.CommitIndex(), Applied: n.Applied(),
		Pending: parse("fsm_pending"), SnapshotIndex: parse("last_snapshot_index"),
		Peers: peersOf(n.raft.GetConfiguration().Configuration()),
	}
	if last := n.raft.LastContact(); state != raft.Leader {
		s.LastContact = -1
		if !last.IsZero() {
			s.LastContact = time.Since(last)
		}
	}
	return s
}
