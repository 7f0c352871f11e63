// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// currentTermKey is where raft keeps its term in the stable store.
var currentTermKey = []byte("CurrentTerm")

// Offline is what a directory says about its member while no process has it open.
type Offline struct {
	Log        LogKind        `json:"log"`
	Term       uint64         `json:"term"`
	FirstIndex uint64         `json:"firstIndex"`
	LastIndex  uint64         `json:"lastIndex"` // of log or snapshot; whether it is committed, one member cannot know
	LastTerm   uint64         `json:"lastTerm"`  // of that entry
	Peers      []Peer         `json:"peers"`     // by the newest configuration in log or snapshot
	Snapshots  []SnapshotInfo `json:"snapshots"` // newest first
}

// Inspect reads the state of a stopped member. ErrLocked when a process has the directory open: then that process is
// to be asked.
func Inspect(dir string) (Offline, error) {
	kind, err := kindOf(dir)
	if err != nil {
		return Offline{}, fmt.Errorf("inspect %s: %w", dir, err)
	}
	if kind == "" {
		return Offline{}, fmt.Errorf("inspect %s: there is no log in it", dir)
	}
	s, err := openDir(dir, kind, hclog.NewNullLogger())
	if err != nil {
		return Offline{}, fmt.Errorf("inspect: %w", err)
	}
	o, err := inspect(s)
	o.Log = kind
	if err := errors.Join(err, s.Close()); err != nil {
		return Offline{}, fmt.Errorf("inspect %s: %w", dir, err)
	}
	return o, nil
}

func inspect(s *Storage) (o Offline, err error) {
	o.Term, err = s.Stable.GetUint64(currentTermKey)
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return o, fmt.Errorf("read term: %w", err)
	}
	if o.FirstIndex, err = s.Logs.FirstIndex(); err != nil {
		return o, fmt.Errorf("read first index: %w", err)
	}
	if o.LastIndex, err = s.Logs.LastIndex(); err != nil {
		return o, fmt.Errorf("read last index: %w", err)
	}
	metas, err := s.Snapshots.List()
	if err != nil {
		return o, fmt.Errorf("list snapshots: %w", err)
	}
	for _, m := range metas {
		o.Snapshots = append(o.Snapshots, SnapshotInfo{Index: m.Index, Term: m.Term, Size: m.Size, Peers: peersOf(m.Configuration)})
	}
	from, held := o.FirstIndex, uint64(0)
	if len(metas) > 0 {
		held = metas[0].Index
		o.Peers = peersOf(metas[0].Configuration)
		from = max(from, metas[0].ConfigurationIndex+1)
		if metas[0].Index >= o.LastIndex {
			o.LastIndex, o.LastTerm = metas[0].Index, metas[0].Term
		}
	}
	if o.FirstIndex == 0 {
		return o, nil // all of the log went into the snapshot, or nothing was ever written
	}
	return o, o.readLog(s.Logs, from, held)
}

// readLog looks for the newest configuration and the term of the last entry. Entries up to held, which a snapshot
// holds, may be missing: a restored snapshot stands behind a gap.
func (o *Offline) readLog(logs raft.LogStore, from, held uint64) error {
	last, err := logs.LastIndex()
	if err != nil {
		return err
	}
	for i := from; i <= last; i++ {
		var l raft.Log
		if err := logs.GetLog(i, &l); errors.Is(err, raft.ErrLogNotFound) && i <= held {
			continue
		} else if err != nil {
			return fmt.Errorf("read entry %d: %w", i, err)
		}
		if l.Type == raft.LogConfiguration {
			o.Peers = peersOf(raft.DecodeConfiguration(l.Data))
		}
		if i == o.LastIndex {
			o.LastTerm = l.Term
		}
	}
	return nil
}
