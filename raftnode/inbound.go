// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"strconv"

	"github.com/hashicorp/raft"
)

// inbound hands the requests of other members to raft, mending those that raft v1.7.3 would refuse for ever.
//
// A leader asks with each batch whether the follower has the entry before it. raft looks that entry up in the follower's
// log and, when it is the newest of all, in the snapshot. A follower that got a snapshot up to entry i and then entry
// i+1, and whose answer to that was lost (it was killed, or the link was cut), is asked for i again: its log begins at
// i+1 and its newest entry is i+1, so it says no, although it has all of i in the snapshot. The leader goes back, finds
// that it has no older entries, sends the whole snapshot again, and then asks for i: in circles, as fast as it can,
// until another leader is elected or takes a newer snapshot.
//
// The answer to "do you have i" is yes when the snapshot ends with i in the same term: what a snapshot holds is
// committed, and so is the same in every leader's log. Such a request is handed on as one about the very beginning,
// which raft does not look up. The cost is one more channel between the network and raft.
type inbound struct {
	out    chan raft.RPC
	done   chan struct{} // closed by stop
	ended  chan struct{} // closed when run returned
	logs   raft.LogStore
	latest func() (index, term uint64) // of the newest snapshot that raft knows
}

func newInbound() *inbound {
	return &inbound{out: make(chan raft.RPC), done: make(chan struct{}), ended: make(chan struct{})}
}

// run hands requests on until stop.
func (b *inbound) run(in <-chan raft.RPC) {
	defer close(b.ended)
	for {
		select {
		case rpc := <-in:
			if req, ok := rpc.Command.(*raft.AppendEntriesRequest); ok && b.refusedForEver(req) {
				req.PrevLogEntry, req.PrevLogTerm = 0, 0
			}
			select {
			case b.out <- rpc:
			case <-b.done:
				return
			}
		case <-b.done:
			return
		}
	}
}

// refusedForEver tells whether req asks for the entry that the snapshot ends with and that the log no longer has.
func (b *inbound) refusedForEver(req *raft.AppendEntriesRequest) bool {
	if req.PrevLogEntry == 0 {
		return false
	}
	// An error here is the disk's; raft will meet it too and answer for it.
	first, err := b.logs.FirstIndex()
	if err != nil || first != req.PrevLogEntry+1 {
		return false
	}
	index, term := b.latest()
	return index == req.PrevLogEntry && term == req.PrevLogTerm
}

func (b *inbound) stop() {
	close(b.done)
	<-b.ended
}

// snapshotOf reads which snapshot raft has taken or installed last; zeros when none.
func snapshotOf(r *raft.Raft) (index, term uint64) {
	stats := r.Stats()
	// Keys that raft no longer has would read as zero, which never matches a request.
	index, _ = strconv.ParseUint(stats["last_snapshot_index"], 10, 64)
	term, _ = strconv.ParseUint(stats["last_snapshot_term"], 10, 64)
	return index, term
}
