// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

func (s *adminServer) raftStatus(context.Context, *http.Request) (any, error) {
	st := s.a.truth.node.Stats()
	v := s.a.region.Local()
	region, _ := v.Region()
	hash, at := s.a.truth.fsm.HashAt()
	out := admin.RaftStatus{State: st.State, Term: st.Term, Leader: st.Leader, LastLogIndex: st.LastIndex, CommitIndex: st.CommitIndex, AppliedIndex: s.a.truth.fsm.Applied(),
		SnapshotIndex: st.SnapshotIndex, LastContact: st.LastContact.Round(time.Millisecond).String(), Tolerates: s.a.truth.tolerates(), LogStore: s.a.truth.logStore,
		FormatLevel: uint64(region.FormatLevel), StateHash: hex.EncodeToString(hash[:]), StateHashIndex: at}
	for _, p := range st.Peers {
		if p.Voter {
			out.Voters++
		}
	}
	// Listed from the disk: newer than the statistics when one has just been taken.
	last, found, err := s.a.truth.node.LastSnapshot()
	if err != nil {
		return nil, err
	}
	if found {
		out.SnapshotIndex, out.SnapshotTerm, out.SnapshotAt, out.SnapshotSize = last.Index, last.Term, last.Taken, last.Size
	}
	return out, nil
}

func (s *adminServer) raftPeers(context.Context, *http.Request) (any, error) {
	v := s.a.region.Local()
	leader := s.a.truth.leader()
	out := []admin.RaftPeer{}
	for _, p := range s.a.truth.node.Peers() {
		peer := admin.RaftPeer{NodeID: p.ID, Node: nodeName(v, p.ID), Suffrage: "learner", Leader: p.ID == leader}
		if p.Voter {
			peer.Suffrage = "voter"
		}
		if n, ok := state.Nodes.Get(v, state.AnyAccount, p.ID); ok {
			peer.Address = n.ClusterAddr
		}
		out = append(out, peer)
	}
	return out, nil
}

// snapshotSave streams a snapshot that holds everything acknowledged before the call. A stream that breaks off lacks
// the checksum at its end, so the client notices.
func (s *adminServer) snapshotSave(w http.ResponseWriter, r *http.Request) {
	if err := s.a.region.Fresh(r.Context()); err != nil {
		admin.WriteError(w, operatorError(err))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := s.a.truth.node.SaveSnapshot(r.Context(), w); err != nil {
		s.log.Warn("snapshot stream broke off", "error", err)
		panic(http.ErrAbortHandler) // the client must not take it for a whole one
	}
}

// snapshotRestore replaces the region's state by a saved snapshot's. The whole snapshot is here and checked before
// anything changes: a stream that breaks off changes nothing.
func (s *adminServer) snapshotRestore(w http.ResponseWriter, r *http.Request) {
	out, err := s.restoreSnapshot(r.Context(), r.Body)
	if err != nil {
		admin.WriteError(w, operatorError(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		s.log.Debug("client left before its answer", "error", err)
	}
}

// sameKeys refuses a snapshot from before a rotation: its secrets are sealed under a key that the nodes may have forgotten,
// and its authorities are no longer trusted.
func sameKeys(saved, now *state.View) error {
	a, _ := saved.Cluster()
	b, _ := now.Cluster()
	if a.SealVersion != b.SealVersion || a.OldestVersion != b.OldestVersion || !bytes.Equal(a.ClusterCA, b.ClusterCA) || !bytes.Equal(a.APICA, b.APICA) {
		return admin.Errorf(admin.KindConflict, "hive backup restore makes the region of a backup anew, with the keys of its time",
			"the snapshot was taken before the cluster's keys were rotated; the nodes no longer have what opens it")
	}
	for r := range state.Rotations.All(now) {
		if r.Active() {
			return admin.Errorf(admin.KindConflict, "wait until hive admin rotations shows that it is done", "a rotation of the %s is under way", r.Kind)
		}
	}
	return nil
}

func (s *adminServer) restoreSnapshot(ctx context.Context, body io.Reader) (admin.Restored, error) {
	t := s.a.truth
	if !t.leads() {
		return admin.Restored{}, admin.Errorf(admin.KindConflict, "run the command on the leader, which hive raft list-peers shows", "only the leader can restore a snapshot, and this node is not it")
	}
	f, err := os.CreateTemp(s.a.at.run(), "restore-*")
	if err != nil {
		return admin.Restored{}, fmt.Errorf("spool snapshot: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.Copy(f, body); err != nil {
		return admin.Restored{}, fmt.Errorf("spool snapshot: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return admin.Restored{}, fmt.Errorf("spool snapshot: %w", err)
	}
	head, saved, err := readState(f)
	if err != nil {
		return admin.Restored{}, admin.Errorf(admin.KindFailure, "use another snapshot: this one cannot be restored", "check snapshot: %w", err)
	}
	if head.ClusterID != s.a.id.ClusterID {
		return admin.Restored{}, admin.Errorf(admin.KindConflict, "hive backup restore makes another region anew, in a directory of its own",
			"the snapshot is of the cluster %s, this is %s", head.ClusterID, s.a.id.ClusterID)
	}
	if err := sameKeys(saved, s.a.region.Local()); err != nil {
		return admin.Restored{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return admin.Restored{}, fmt.Errorf("spool snapshot: %w", err)
	}
	out := admin.Restored{ClusterID: head.ClusterID, Index: head.Index, StateHash: hex.EncodeToString(head.StateHash[:]), IndexBefore: t.fsm.Applied()}
	s.log.Warn("the region's state is replaced by a snapshot", "index", head.Index, "before", out.IndexBefore)
	return out, t.restoreState(ctx, f, out.StateHash)
}
