// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"strconv"
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
