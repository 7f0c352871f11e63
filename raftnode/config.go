// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// MaxEntry is the longest entry in bytes. Longer ones would hold up heartbeats (raft.SuggestedMaxDataSize).
const MaxEntry = raft.SuggestedMaxDataSize

// Timing says how fast a group notices that its leader is gone.
type Timing struct {
	// Heartbeat is how long a follower goes without hearing from the leader before it calls an election. The leader
	// sends about ten heartbeats in that time. Lower means faster fail-over, and elections for nothing when a disk
	// stalls: stalls of 300 to 640 ms were measured on ordinary machines.
	Heartbeat time.Duration
	// Election is how long a candidate waits for votes before it tries again; at least Heartbeat.
	Election time.Duration
	// Lease is how long a leader that hears from no majority goes on leading; at most Heartbeat.
	Lease time.Duration
	// RPC bounds one exchange between members, and the opening of a stream. A member behind a link that swallows
	// packets is tried again after this time at the latest.
	RPC time.Duration
}

// DefaultTiming is for machines in one building: another leader serves within about 1.5 s.
func DefaultTiming() Timing {
	return Timing{Heartbeat: 500 * time.Millisecond, Election: 500 * time.Millisecond, Lease: 250 * time.Millisecond, RPC: 3 * time.Second}
}

// Config says what a Node keeps, where, and with whom.
type Config struct {
	// Host carries the streams and calls of the group. Its network's own id is the node's id in the group.
	Host *Host
	// Group names the group: 1 to 64 bytes, the same on all members, unique on a Host.
	Group string
	// StateMachine is what the log drives. It belongs to the node from Open to Close.
	StateMachine StateMachine

	// Dir holds the log and the snapshots. It is locked while the node is open.
	Dir string
	// Log chooses the log store in Dir; the zero value is Bolt. A directory that was made with the other is refused.
	Log LogKind
	// Storage replaces Dir and Log when it is set. It is called once, by Open.
	Storage func() (*Storage, error)

	// Prepare, when set, runs on the leader before an entry is appended, on a state that holds everything committed
	// before: it may replace the entry (placements are planned here). It may run again for the same proposal, and
	// several run at once; what it decided may be outdated when the entry is applied, so the state machine checks again.
	// Its error is final and reaches the proposer as a *PrepareError.
	Prepare func(ctx context.Context, data []byte) ([]byte, error)

	// Timing: the zero value is DefaultTiming.
	Timing Timing
	// RetryFor is how long requests wait for a leader and try again; 0 means 5 s.
	RetryFor time.Duration
	// SnapshotEvery is the number of entries after which a snapshot is taken and the log cut; 0 means 8192.
	SnapshotEvery uint64
	// SnapshotCheck is how often that number is looked at (up to twice as long, at random); 0 means 30 s.
	SnapshotCheck time.Duration
	// Trailing is the number of entries that stay in the log after a snapshot, for members that are a little behind;
	// 0 means 10240.
	Trailing uint64
	// Logger: nil writes nothing.
	Logger hclog.Logger
}

// withDefaults checks c and fills in what was left out. It names all faults at once.
func (c Config) withDefaults() (Config, error) {
	var faults []error
	if c.Host == nil {
		faults = append(faults, errors.New("host is required"))
	}
	if c.StateMachine == nil {
		faults = append(faults, errors.New("state machine is required"))
	}
	if c.Group == "" || len(c.Group) > maxGroup || strings.ContainsRune(c.Group, 0) {
		faults = append(faults, fmt.Errorf("group name of %d bytes, want 1 to %d", len(c.Group), maxGroup))
	}
	if c.Storage == nil && c.Dir == "" {
		faults = append(faults, errors.New("directory or storage is required"))
	}
	if c.Log == "" {
		c.Log = Bolt
	}
	if c.Log != Bolt && c.Log != WAL {
		faults = append(faults, fmt.Errorf("log store %q, want %s or %s", c.Log, Bolt, WAL))
	}
	if c.Timing == (Timing{}) {
		c.Timing = DefaultTiming()
	}
	if c.Timing.RPC <= 0 {
		faults = append(faults, errors.New("timing: RPC must be positive"))
	}
	if c.RetryFor == 0 {
		c.RetryFor = 5 * time.Second
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = 8192
	}
	if c.SnapshotCheck == 0 {
		c.SnapshotCheck = 30 * time.Second
	}
	if c.Trailing == 0 {
		c.Trailing = 10240
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c, errors.Join(faults...)
}

// raft is the configuration of the library.
func (c Config) raft(id string, logger hclog.Logger) *raft.Config {
	r := raft.DefaultConfig()
	r.LocalID = raft.ServerID(id)
	r.HeartbeatTimeout = c.Timing.Heartbeat
	r.ElectionTimeout = c.Timing.Election
	r.LeaderLeaseTimeout = c.Timing.Lease
	r.SnapshotThreshold = c.SnapshotEvery
	r.SnapshotInterval = c.SnapshotCheck
	r.TrailingLogs = c.Trailing
	// A removed member stays as a spectator: its owner decides when to close it.
	r.ShutdownOnRemove = false
	r.NoLegacyTelemetry = true
	r.Logger = logger
	return r
}
