// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// ReadIndex returns when the local state machine holds everything that was acknowledged, by any node, before the
// call: what is then read from it is linearizable. Callers that come while a round is under way share the next one.
//
// Naively, the leader would ask raft.VerifyLeader and read. But that also counts the answer to a heartbeat that was
// sent before the read began, which may have waited on the way while another leader was elected and acknowledged
// writes: stale reads by such a deposed leader were reproduced (see the package's stale leader test). So here a round
// starts by taking the time, and only acknowledgements of what was sent after that count, in the leader's own term.
// The price is that a read waits for one round trip of its own, never for one that is nearly back.
func (n *Node) ReadIndex(ctx context.Context) error {
	end, err := n.begin()
	if err != nil {
		return err
	}
	defer end()
	var index uint64
	err = n.retryHere(ctx, "read index", func(ctx context.Context, _ Leadership) error {
		if n.soleVoter() {
			index, err = n.leaderRound(ctx)
		} else {
			index, err = n.reads.join(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	return n.catchUp(ctx, index)
}

// readRound gets a read index for all who wait on this node.
func (n *Node) readRound(ctx context.Context) (index uint64, err error) {
	now, _ := n.Leadership()
	if now.Leader == "" {
		return 0, ErrNoLeader
	}
	err = n.attempt(ctx, now, func(ctx context.Context, leader string) error {
		if leader == n.id {
			index, err = n.fresh.join(ctx)
		} else {
			index, err = n.askReadIndex(ctx, leader)
		}
		return err
	})
	return index, err
}

// leaderRound is a read index: the commit index, given that this node is still the leader afterwards.
func (n *Node) leaderRound(ctx context.Context) (uint64, error) {
	start := time.Now()
	term := n.ready.Load()
	index := n.raft.CommitIndex()
	// A node leads at most once in a term: leading in it now means having led in it when the index was read.
	if term == 0 || n.leading() != term {
		return 0, ErrNotLeader
	}
	if err := n.confirm(ctx, term, start); err != nil {
		return 0, err
	}
	return index, nil
}

// confirm returns nil when a majority of the voters followed this node, in term, at some moment after start: then no
// later leader had been elected at start, and nothing that we lack had been acknowledged.
//
// It sends heartbeats of its own rather than asking raft to (VerifyLeader), because raft's go through its main loop,
// which may be waiting for the disk: reads need not.
func (n *Node) confirm(ctx context.Context, term uint64, start time.Time) error {
	others, need := n.quorum()
	for {
		_, lost := n.Leadership()
		if n.leading() != term {
			return ErrNotLeader
		}
		fresh, probe, changed := n.trans.acks.since(start, term, others)
		n.probe(term, probe)
		if fresh >= need {
			return nil
		}
		select {
		case <-changed:
		case <-lost:
		case <-ctx.Done():
			return fmt.Errorf("confirm leadership: %w", context.Cause(ctx))
		}
	}
}

// quorum returns the other voters and how many of them are needed beside this node.
func (n *Node) quorum() (others []raft.ServerID, need int) {
	voters, self := 0, 0
	for _, s := range n.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage != raft.Voter {
			continue
		}
		voters++
		if s.ID == raft.ServerID(n.id) {
			self = 1
			continue
		}
		others = append(others, s.ID)
	}
	return others, voters/2 + 1 - self
}

// soleVoter says whether this node is the only voter, by its newest configuration. No other leader can exist then:
// whoever made one would have changed the configuration through this node first.
func (n *Node) soleVoter() bool {
	others, need := n.quorum()
	return len(others) == 0 && need == 0
}

// probe sends one heartbeat to each of ids. A heartbeat says no more than that this node leads in term, which was
// true when it began.
func (n *Node) probe(term uint64, ids []raft.ServerID) {
	for _, id := range ids {
		n.workers.Go(func() {
			defer n.trans.acks.probed(id)
			header := n.header()
			//lint:ignore SA1019 a raft before RPCHeader.Addr reads it.
			req := raft.AppendEntriesRequest{RPCHeader: header, Term: term, Leader: header.Addr}
			err := n.trans.AppendEntries(id, raft.ServerAddress(id), &req, &raft.AppendEntriesResponse{})
			if err == nil {
				return
			}
			// Do not run in circles around a member that refuses connections.
			select {
			case <-time.After(n.cfg.Timing.Heartbeat / 10):
			case <-n.ctx.Done():
			}
		})
	}
}

// rounds lets many callers share the runs of one function: a caller joins the run that starts next, never one under
// way, because that one may have looked before the caller came.
type rounds struct {
	node *Node
	run  func(context.Context) (uint64, error)

	mu      sync.Mutex
	running bool
	next    *round
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

func newRounds(n *Node, run func(context.Context) (uint64, error)) *rounds {
	return &rounds{node: n, run: run}
}

// join waits for a run that starts after the call. The caller must be a request or worker of the node.
func (r *rounds) join(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	mine := r.next
	if !r.running {
		r.running = true
		r.node.workers.Go(r.loop)
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.index, mine.err
	case <-ctx.Done():
	case <-r.node.ctx.Done():
	}
	return 0, r.node.over(ctx)
}

// loop runs rounds for as long as somebody waits.
func (r *rounds) loop() {
	for {
		r.mu.Lock()
		now := r.next
		r.next = nil
		if now == nil {
			r.running = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		// Not a caller's context: one that leaves must not spoil it for the others.
		ctx, cancel := context.WithTimeout(r.node.ctx, r.node.cfg.RetryFor)
		now.index, now.err = r.run(ctx)
		cancel()
		close(now.done)
	}
}
