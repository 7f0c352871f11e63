// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/raftnode/lease"
)

// tableTime bounds the question to the leader how long each node's lease lasts.
const tableTime = time.Second

// leases are this node's lease, and, while it leads, everybody's.
type leases struct {
	a      *Agent
	holder *lease.Holder
	lessor *lease.Lessor

	mu   sync.Mutex
	last command.RegisterNode // how the node registered
}

// newLeases registers the calls; run makes it work.
func newLeases(a *Agent) (*leases, error) {
	l := &leases{a: a}
	var err error
	l.lessor, err = lease.NewLessor(lease.LessorConfig{Self: a.id.NodeID, Region: a.region, Log: a.truth.node, Server: a.truth.server,
		NewVolumeID: func() string { return newID("vol-") }, Logger: a.options.Logger})
	if err != nil {
		return nil, err
	}
	l.holder, err = lease.NewHolder(lease.HolderConfig{Self: a.id.NodeID, Region: a.region, Log: a.truth.node, Client: a.truth.client,
		Guests: l, Register: l.again, Wanted: l.wanted, Logger: a.options.Logger})
	return l, err
}

// register registers the node; its reports carry the epoch that it gets.
func (l *leases) register(ctx context.Context, c command.RegisterNode) error {
	var out command.Registered
	if err := l.a.region.Propose(ctx, c, &out); err != nil {
		return err
	}
	l.mu.Lock()
	l.last = c
	l.mu.Unlock()
	l.holder.Registered(out.Epoch)
	return nil
}

// again registers the node after it was declared lost.
func (l *leases) again(ctx context.Context) (uint64, error) {
	l.mu.Lock()
	c := l.last
	l.mu.Unlock()
	if err := l.register(ctx, c); err != nil {
		return 0, err
	}
	return l.holder.Epoch(), nil
}

// wanted tells whether anybody else could ever own this node's guests: another node, and a majority without this one.
func (l *leases) wanted() bool {
	if state.Nodes.Count(l.a.region.Local()) < 2 {
		return false
	}
	voters, self := 0, false
	for _, p := range l.a.truth.node.Peers() {
		if p.Voter {
			voters++
			self = self || p.ID == l.a.id.NodeID
		}
	}
	return !self || voters > 1
}

// Fence passes the lease on to the guests.
func (l *leases) Fence(ctx context.Context, on bool, until time.Duration) error {
	return l.a.exec.SetFence(ctx, executor.Fence{On: on, Until: until})
}

// problems are what is not well about this node's lease, one sentence each.
func (l *leases) problems() []string {
	standing := l.a.region.Local().Standing(l.a.id.NodeID)
	switch {
	case standing.Lost:
		return []string{"the region has declared this node lost; it registers again as soon as the leader answers"}
	case standing.Armed && l.holder.Left() == 0:
		return []string{"this node's lease has ended: its guests are paused until the leader answers"}
	}
	return nil
}

// run gives leases while this node leads, and keeps its own once it is registered.
func (l *leases) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.lessor.Run(ctx) })
	g.Go(func() error { return l.severRemoved(ctx) })
	g.Go(func() error {
		select {
		case <-l.a.ready:
			return l.holder.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	return g.Wait()
}

// severRemoved ends the streams of nodes that are removed. New ones are refused by the cluster port. One that asked this node
// to be taken out still gets the answer.
func (l *leases) severRemoved(ctx context.Context) error {
	for known := 0; ; {
		changed := l.a.region.Changed()
		v := l.a.region.Local()
		var again <-chan time.Time
		if n := state.RemovedNodes.Count(v); n != known {
			known = n
			for r := range state.RemovedNodes.All(v) {
				if l.a.farewells.under(r.NodeID) {
					known, again = 0, time.After(answerTime)
					continue
				}
				l.a.truth.mux.Sever(r.NodeID)
			}
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			return nil
		}
	}
}

// ends are the ends of all nodes' leases, as the leader knows them; none when it does not answer.
func (l *leases) ends(ctx context.Context) map[string]time.Time {
	leader := l.a.truth.leader()
	if leader == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tableTime)
	defer cancel()
	left, err := lease.Table(ctx, l.a.truth.client, leader)
	if err != nil {
		l.a.log.Debug("the leader does not say how long leases last", "leader", leader, "error", err)
		return nil
	}
	out := map[string]time.Time{}
	for node, d := range left {
		out[node] = time.Now().Add(d)
	}
	return out
}
