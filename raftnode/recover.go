// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Recover makes the member id of a stopped node's directory the only voter of its group, after a majority was lost for
// good. Everything in its log is taken for committed, the newest entries too, which the lost majority may never have
// seen. When members of the old configuration still run, or come back, the group forks: two halves that both answer.
// sm must be empty; afterwards it holds the state. ErrLocked when a process has the directory open.
func Recover(dir, id string, sm StateMachine, logger hclog.Logger) (err error) {
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	s, _, err := openStopped(dir, logger)
	if err != nil {
		return fmt.Errorf("recover %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	only := raft.Configuration{Servers: []raft.Server{{Suffrage: raft.Voter, ID: raft.ServerID(id), Address: raft.ServerAddress(id)}}}
	conf := Config{Timing: DefaultTiming(), SnapshotEvery: 1, SnapshotCheck: DefaultTiming().RPC}.raft(id, logger)
	// The transport only encodes the address of the one member into the snapshot; nothing is dialled.
	_, trans := raft.NewInmemTransport(raft.ServerAddress(id))
	defer trans.Close()
	if err := raft.RecoverCluster(conf, newApplier(sm, nil), s.Logs, s.Stable, s.Snapshots, trans, only); err != nil {
		return fmt.Errorf("recover %s: %w", dir, err)
	}
	return nil
}

// openStopped opens the directory of a stopped member, whatever its kind of log.
func openStopped(dir string, logger hclog.Logger) (*Storage, LogKind, error) {
	kind, err := kindOf(dir)
	if err != nil {
		return nil, "", err
	}
	if kind == "" {
		return nil, "", errors.New("there is no log in it")
	}
	s, err := openDir(dir, kind, logger)
	return s, kind, err
}

// Verified is what Verify found.
type Verified struct {
	Offline
	Entries  uint64 `json:"entries"`  // in the log
	Commands uint64 `json:"commands"` // of them for the state machine
	Bytes    uint64 `json:"bytes"`    // of commands
	Snapshot uint64 `json:"snapshot"` // index of the snapshot that the replay began with; 0: with nothing
	Replayed uint64 `json:"replayed"` // commands applied after it
}

// Verify reads the whole log of a stopped member and replays it: check judges every command in the log, sm (empty) is
// given the newest snapshot and what follows it. It changes nothing. ErrLocked when a process has the directory open.
func Verify(ctx context.Context, dir string, check func(Entry) error, sm StateMachine) (v Verified, err error) {
	s, kind, err := openStopped(dir, hclog.NewNullLogger())
	if err != nil {
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if v.Offline, err = inspect(s); err != nil {
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	v.Log = kind
	a := newApplier(sm, nil)
	if err := v.restore(s, a); err != nil {
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	if v.FirstIndex == 0 {
		return v, nil // all of the log went into the snapshot
	}
	last, err := s.Logs.LastIndex()
	if err != nil {
		return v, fmt.Errorf("verify %s: %w", dir, err)
	}
	if v.FirstIndex > v.Snapshot+1 {
		return v, fmt.Errorf("verify %s: the log begins at entry %d, the snapshot ends at %d: entries are missing", dir, v.FirstIndex, v.Snapshot)
	}
	for i, term := v.FirstIndex, uint64(0); i <= last; i++ {
		if ctx.Err() != nil {
			return v, context.Cause(ctx)
		}
		if term, err = v.entry(s.Logs, a, i, term, check); err != nil {
			return v, fmt.Errorf("verify %s: entry %d: %w", dir, i, err)
		}
	}
	return v, nil
}

// restore gives the state machine the newest snapshot.
func (v *Verified) restore(s *Storage, a *applier) error {
	metas, err := s.Snapshots.List()
	if err != nil || len(metas) == 0 {
		return err
	}
	meta, rc, err := s.Snapshots.Open(metas[0].ID) // checks the file's own checksum
	if err != nil {
		return fmt.Errorf("open snapshot at entry %d: %w", metas[0].Index, err)
	}
	if err := a.Restore(rc); err != nil {
		return err
	}
	v.Snapshot = meta.Index
	return nil
}

// entry checks one entry, and applies it when the snapshot does not hold it. It returns the entry's term.
func (v *Verified) entry(logs raft.LogStore, a *applier, index, before uint64, check func(Entry) error) (uint64, error) {
	var l raft.Log
	if err := logs.GetLog(index, &l); errors.Is(err, raft.ErrLogNotFound) && index <= v.Snapshot {
		return before, nil // a restored snapshot stands behind a gap
	} else if err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	if l.Index != index {
		return 0, fmt.Errorf("it says that it is entry %d", l.Index)
	}
	if l.Term < before {
		return 0, fmt.Errorf("it is of term %d, the one before of term %d", l.Term, before)
	}
	v.Entries++
	if len(l.Extensions) > 0 && string(l.Extensions) != string(termMark) {
		return 0, fmt.Errorf("unknown extension %q", l.Extensions)
	}
	if l.Type != raft.LogCommand || len(l.Extensions) > 0 {
		return l.Term, nil // raft's own, or the mark of a term: the state machine is not shown it
	}
	v.Commands++
	v.Bytes += uint64(len(l.Data))
	if err := check(Entry{Index: l.Index, Term: l.Term, Data: l.Data}); err != nil {
		return 0, err
	}
	if index > v.Snapshot {
		a.Apply(&l)
		v.Replayed++
	}
	return l.Term, nil
}
