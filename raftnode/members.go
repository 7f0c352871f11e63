// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// Peer is a member of the group.
type Peer struct {
	ID string `json:"id"`
	// Voter: takes part in elections and counts for a majority. Others are learners: they hold the whole log and state.
	Voter bool `json:"voter"`
}

const (
	opVoter   = "add-voter"
	opLearner = "add-learner"
	opDemote  = "demote"
	opRemove  = "remove"
	opLead    = "lead"
)

// AddVoter makes node a voter: a new one, or a learner that is promoted. The majority grows at once, before a new
// voter has caught up, so a node that is new should be a learner first. Like all changes of members it may be called
// on any node and returns when a majority has the change; it changes nothing when the group is as asked for.
func (n *Node) AddVoter(ctx context.Context, node string) error {
	return n.change(ctx, opVoter, node)
}

// AddLearner makes a new node a learner. A voter stays one (Demote takes the vote).
func (n *Node) AddLearner(ctx context.Context, node string) error {
	return n.change(ctx, opLearner, node)
}

// Demote makes a voter a learner.
func (n *Node) Demote(ctx context.Context, node string) error { return n.change(ctx, opDemote, node) }

// Remove takes a node out of the group. The last voter cannot be removed. A leader that removes itself steps down.
func (n *Node) Remove(ctx context.Context, node string) error { return n.change(ctx, opRemove, node) }

// TransferLeadership makes another voter lead: node, or when that is empty the one that is furthest.
func (n *Node) TransferLeadership(ctx context.Context, node string) error {
	return n.change(ctx, opLead, node)
}

func (n *Node) change(ctx context.Context, op, node string) error {
	end, err := n.begin()
	if err != nil {
		return err
	}
	defer end()
	return n.retry(ctx, op+" "+node, func(ctx context.Context, leader string) error {
		if leader == n.id {
			_, err := n.changeHere(ctx, op, node)
			return err
		}
		_, err := n.askChange(ctx, leader, op, node)
		return err
	})
}

// changeHere carries a change out as the leader and returns its index.
func (n *Node) changeHere(ctx context.Context, op, node string) (index uint64, err error) {
	if n.leading() == 0 {
		return 0, ErrNotLeader
	}
	done, err := n.checkChange(op, node)
	if err != nil || done {
		return n.raft.CommitIndex(), err
	}
	id, address := raft.ServerID(node), raft.ServerAddress(node)
	err = n.await(ctx, func() error {
		var f raft.Future
		switch op {
		case opVoter:
			f = n.raft.AddVoter(id, address, 0, n.cfg.RetryFor)
		case opLearner:
			f = n.raft.AddNonvoter(id, address, 0, n.cfg.RetryFor)
		case opDemote:
			f = n.raft.DemoteVoter(id, 0, n.cfg.RetryFor)
		case opRemove:
			f = n.raft.RemoveServer(id, 0, n.cfg.RetryFor)
		case opLead:
			if node == "" {
				return n.raft.LeadershipTransfer().Error()
			}
			return n.raft.LeadershipTransferToServer(id, address).Error()
		}
		err := f.Error()
		if i, ok := f.(raft.IndexFuture); ok && err == nil {
			index = i.Index()
		}
		return err
	})
	if err != nil {
		if op == opLead && !errors.Is(err, raft.ErrNotLeader) && n.over(ctx) == nil {
			// raft knows no error values here; the leader is the one that it was.
			return 0, fmt.Errorf("hand leadership over: %w: %w", ErrMembership, err)
		}
		return 0, fromRaft(err)
	}
	return index, nil
}

// checkChange refuses what cannot be and says when there is nothing left to do.
func (n *Node) checkChange(op, node string) (done bool, err error) {
	peers := n.Peers()
	at := slices.IndexFunc(peers, func(p Peer) bool { return p.ID == node })
	member, voter := at >= 0, at >= 0 && peers[at].Voter
	voters := 0
	for _, p := range peers {
		if p.Voter {
			voters++
		}
	}
	if op == opLead && node == "" && voters > 1 {
		return false, nil
	}
	if len(node) > maxGroup || (node == "" && op != opLead) {
		return false, fmt.Errorf("%w: node id %q", ErrMembership, node)
	}
	switch op {
	case opVoter:
		return voter, nil
	case opLearner:
		return member, nil
	case opDemote, opRemove:
		if !member || (op == opDemote && !voter) {
			return true, nil
		}
		if voter && voters == 1 {
			return false, fmt.Errorf("%w: node %s is the last voter", ErrMembership, node)
		}
		return false, nil
	case opLead:
		if node == n.id {
			return true, nil
		}
		if !voter {
			return false, fmt.Errorf("%w: %q is no other voter", ErrMembership, node)
		}
		return false, nil
	}
	return false, fmt.Errorf("%w: unknown change %q", ErrMembership, op)
}

// Peers are the members by this node's newest configuration, in the order of their ids. It may not be committed yet.
func (n *Node) Peers() []Peer {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.state == stateNew {
		return nil
	}
	return peersOf(n.raft.GetConfiguration().Configuration())
}

func peersOf(c raft.Configuration) []Peer {
	peers := make([]Peer, 0, len(c.Servers))
	for _, s := range c.Servers {
		peers = append(peers, Peer{ID: string(s.ID), Voter: s.Suffrage == raft.Voter})
	}
	slices.SortFunc(peers, func(a, b Peer) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return peers
}
