// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

func (s *adminServer) raftStatus(context.Context, *http.Request) (any, error) {
	st := s.a.truth.node.Stats()
	v := s.a.region.Local()
	region, _ := v.Region()
	hash := s.a.truth.fsm.Hash()
	out := admin.RaftStatus{State: st.State, Term: st.Term, Leader: st.Leader, LastLogIndex: st.LastIndex, CommitIndex: st.CommitIndex, AppliedIndex: s.a.truth.fsm.Applied(),
		SnapshotIndex: st.SnapshotIndex, LastContact: st.LastContact.Round(time.Millisecond).String(), Tolerates: s.a.truth.tolerates(), LogStore: s.a.truth.logStore,
		FormatLevel: uint64(region.FormatLevel), StateHash: hex.EncodeToString(hash[:]), StateHashIndex: s.a.truth.fsm.Applied()}
	for _, p := range st.Peers {
		if p.Voter {
			out.Voters++
		}
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
