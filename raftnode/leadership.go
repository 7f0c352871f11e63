// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Leadership is who leads, as far as this node knows.
type Leadership struct {
	Leader string // id of the leader; empty when none is known
	Term   uint64 // term that this node is in
	// IsLeader is set when this node leads and its state holds everything that was committed before its term: only then
	// does it serve, and only then should work that belongs to the leader be done.
	IsLeader bool
}

// leadership is the published Leadership and the bell that makes it be looked at again.
type leadership struct {
	wake chan struct{} // one place; rung by raft at every change

	mu      sync.Mutex
	now     Leadership
	changed chan struct{} // closed at the next change
}

func (l *leadership) init() {
	l.wake = make(chan struct{}, 1)
	l.changed = make(chan struct{})
}

func (l *leadership) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *leadership) publish(now Leadership) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now == l.now {
		return
	}
	l.now = now
	close(l.changed)
	l.changed = make(chan struct{})
}

// Leadership returns who leads now, and a channel that is closed when that changes.
func (n *Node) Leadership() (now Leadership, changed <-chan struct{}) {
	n.leads.mu.Lock()
	defer n.leads.mu.Unlock()
	return n.leads.now, n.leads.changed
}

// IsLeader says whether this node leads and serves.
func (n *Node) IsLeader() bool { return n.leading() != 0 }

// leading is the term in which this node leads and serves now, or 0.
func (n *Node) leading() uint64 {
	term := n.ready.Load()
	if term == 0 || n.raft.State() != raft.Leader || n.raft.CurrentTerm() != term {
		return 0
	}
	return term
}

// Leader is the id of the leader, empty when none is known.
func (n *Node) Leader() string {
	now, _ := n.Leadership()
	return now.Leader
}

// WhileLeader runs f whenever this node leads, until ctx ends or the node closes. The context of f ends when the
// leadership does; f must return then. What f returns ends WhileLeader when it is an error and f's context had not
// ended; nil keeps f from being run again in the same term.
func (n *Node) WhileLeader(ctx context.Context, f func(context.Context) error) error {
	served := uint64(0)
	for {
		now, changed := n.Leadership()
		if now.IsLeader && now.Term != served {
			served = now.Term
			if err := n.lead(ctx, now.Term, f); err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		case <-n.ctx.Done():
			return nil
		}
	}
}

func (n *Node) lead(ctx context.Context, term uint64, f func(context.Context) error) error {
	fctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(fctx) }()
	for {
		now, changed := n.Leadership()
		if !now.IsLeader || now.Term != term {
			cancel()
		}
		select {
		case err := <-done:
			if fctx.Err() != nil {
				return nil
			}
			return err
		case <-changed:
		case <-n.ctx.Done():
			cancel()
			<-done
			return nil
		}
	}
}

// watchLeadership starts the goroutine that follows raft's view of who leads. It is level-triggered: the bell only
// says that something changed, so no event can be missed.
func (n *Node) watchLeadership() {
	n.raft.RegisterObserver(raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			n.leads.ring()
		}
		return false
	}))
	n.leads.ring()
	n.watcher.Go(func() {
		for {
			select {
			case <-n.leads.wake:
				n.lookAtLeadership()
			case <-n.ctx.Done():
				n.ready.Store(0)
				n.leads.publish(Leadership{Term: n.raft.CurrentTerm()})
				return
			}
		}
	})
}

func (n *Node) lookAtLeadership() {
	n.publishLeadership()
	for n.raft.State() == raft.Leader && n.ctx.Err() == nil && n.leading() == 0 {
		if err := n.establish(); err != nil {
			n.logger.Info("term not opened", "term", n.raft.CurrentTerm(), "error", err)
			// Still the leader after all, perhaps while it hands over: try again soon.
			select {
			case <-n.leads.wake:
			case <-time.After(n.cfg.Timing.Heartbeat / 10):
			case <-n.ctx.Done():
			}
		}
		n.publishLeadership()
	}
}

func (n *Node) publishLeadership() {
	_, leader := n.raft.LeaderWithID()
	term := n.leading()
	if term == 0 {
		n.ready.Store(0)
	}
	n.leads.publish(Leadership{Leader: string(leader), Term: n.raft.CurrentTerm(), IsLeader: term != 0})
}

// establish opens the term: once the mark is applied here, so is everything that was committed before it. Until then
// this node must not serve: its state may lack entries that an earlier leader acknowledged.
func (n *Node) establish() error {
	var f raft.ApplyFuture
	err := n.await(n.ctx, func() error {
		f = n.raft.ApplyLog(raft.Log{Extensions: termMark}, 0)
		return f.Error()
	})
	if err != nil {
		return fromRaft(err)
	}
	term, ok := f.Response().(uint64)
	if !ok {
		return fmt.Errorf("term mark answered %T", f.Response())
	}
	n.ready.Store(term)
	return nil
}
