// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/raftnode"
)

// Region is the truth as this package needs it (raftnode/region.Region is one).
type Region interface {
	// Local is this node's replica as it is.
	Local() *state.View
	// Propose carries a command out.
	Propose(ctx context.Context, c command.Command, into any) error
}

// Log says who leads (raftnode.Node is one).
type Log interface {
	// Leadership returns who leads now, and a channel that is closed when that changes.
	Leadership() (raftnode.Leadership, <-chan struct{})
	// ReadIndex returns when it is certain that no later leader had been elected when it was called.
	ReadIndex(ctx context.Context) error
	// WhileLeader runs f whenever this node leads, until ctx ends.
	WhileLeader(ctx context.Context, f func(context.Context) error) error
}

// LessorConfig is what a lessor works with.
type LessorConfig struct {
	Self   string
	Region Region
	Log    Log
	Server *rpc.Server // the lessor registers its methods here
	// NewVolumeID makes the id of a volume that is made anew for an instance that moves.
	NewVolumeID func() string
	Timing      Timing       // zero is DefaultTiming
	Logger      hclog.Logger // nil writes nothing
}

// Lessor gives leases while its node leads. Its clock is Go's monotonic one: where that stands still, because the host
// sleeps, the leader waits longer, which is the safe side.
type Lessor struct {
	cfg LessorConfig
	log hclog.Logger

	mu     sync.Mutex
	term   uint64 // in which leases are given; 0 when this node gives none
	leases map[string]*grant
	looked time.Time // when expired was last asked
}

// grant is one node's lease.
type grant struct {
	epoch  uint64
	until  time.Time
	losing bool // from here on no renewal: the loss has been proposed, or is about to be
	busy   bool // a proposal is under way
	warned bool
}

// NewLessor registers the lessor's methods; Run makes it work.
func NewLessor(cfg LessorConfig) (*Lessor, error) {
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming()
	}
	if err := cfg.Timing.validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	l := &Lessor{cfg: cfg, log: cfg.Logger.Named("lease")}
	rpc.Handle(cfg.Server, methodRenew, func(ctx context.Context, peer rpc.NodeID, q renewRequest) (renewResponse, error) {
		return renewResponse{}, l.renew(ctx, peer, q.Epoch)
	})
	rpc.Handle(cfg.Server, methodTable, func(context.Context, rpc.NodeID, tableRequest) (tableResponse, error) {
		return l.table()
	})
	return l, nil
}

// Run gives leases whenever this node leads, until ctx ends.
func (l *Lessor) Run(ctx context.Context) error { return l.cfg.Log.WhileLeader(ctx, l.reign) }

// renew gives node its lease for another TTL from now.
//
// The answer is what the node's guests live by, so it must not come from a leader that has been replaced without
// knowing it: its successor may have declared the node lost. Hence the read index, a round to a majority that began
// after the renewal came: at that moment there was no later leader, and whoever becomes one waits a whole lease and
// more, counted from then, before it loses anybody. Renewals that come together share a round.
func (l *Lessor) renew(ctx context.Context, node string, epoch uint64) error {
	term, err := l.extend(node, epoch)
	if err != nil {
		return err
	}
	if err := l.cfg.Log.ReadIndex(ctx); err != nil {
		return rpc.Errorf(codeNotLeader, "the leadership is not confirmed: %v", err)
	}
	now, _ := l.cfg.Log.Leadership()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !now.IsLeader || now.Term != term || l.term != term {
		return rpc.Errorf(codeNotLeader, "the leadership was lost meanwhile")
	}
	return l.check(node, epoch)
}

// extend writes the renewal down before it is confirmed: a lease that is too long is harmless.
func (l *Lessor) extend(node string, epoch uint64) (term uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == 0 {
		return 0, rpc.Errorf(codeNotLeader, "this node gives no leases")
	}
	if err := l.check(node, epoch); err != nil {
		return 0, err
	}
	g := l.leases[node]
	if g == nil || g.epoch != epoch {
		g = &grant{epoch: epoch}
		l.leases[node] = g
	}
	g.until, g.warned = l.fromNow(), false
	return l.term, nil
}

// check refuses a node that is not registered in epoch, is lost, or is about to be. The caller holds mu.
func (l *Lessor) check(node string, epoch uint64) error {
	v := l.cfg.Region.Local()
	n, ok := state.Nodes.Get(v, state.AnyAccount, node)
	if !ok || n.Epoch != epoch || v.Standing(node).Lost {
		return rpc.Errorf(codeEnded, "the node is not registered in epoch %d, or was declared lost", epoch)
	}
	if g := l.leases[node]; g != nil && g.epoch == epoch && g.losing {
		return rpc.Errorf(codeEnding, "the node is being declared lost")
	}
	return nil
}

// fromNow is the end of a lease that is given now.
func (l *Lessor) fromNow() time.Time { return time.Now().Add(l.cfg.Timing.TTL + l.cfg.Timing.Grace) }

func (l *Lessor) table() (tableResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == 0 {
		return tableResponse{}, rpc.Errorf(codeNotLeader, "this node gives no leases")
	}
	out := tableResponse{LeftMillis: map[string]int64{}}
	for node, g := range l.leases {
		out.LeftMillis[node] = max(0, (time.Until(g.until) - l.cfg.Timing.Grace).Milliseconds())
	}
	return out, nil
}

// reign is one term of leadership: opened in the log, then everybody gets a whole lease, then those are lost that do
// not renew it.
func (l *Lessor) reign(ctx context.Context) error {
	now, _ := l.cfg.Log.Leadership()
	if !now.IsLeader || !l.open(ctx, now.Term) {
		return nil
	}
	l.mu.Lock()
	l.term, l.leases, l.looked = now.Term, map[string]*grant{}, time.Now()
	l.mu.Unlock()
	var work sync.WaitGroup
	defer work.Wait()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.term, l.leases = 0, nil
	}()
	m := &mover{l: l, tried: map[string]time.Time{}}
	for {
		l.visit()
		for node, epoch := range l.expired() {
			work.Go(func() { l.lose(ctx, node, epoch, now.Term) })
		}
		if m.busy.CompareAndSwap(false, true) { // its proposals may wait for a disk, and leases must not wait for it
			work.Go(func() { defer m.busy.Store(false); m.pass(ctx) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.cfg.Timing.Check):
		}
	}
}

// open writes the beginning of the reign into the log. From there on no earlier leader can declare a node lost, not
// even by an entry that is still under way.
func (l *Lessor) open(ctx context.Context, term uint64) bool {
	for {
		err := l.cfg.Region.Propose(ctx, command.BeginLeases{Term: term, Leader: l.cfg.Self}, nil)
		var refusal *command.Error
		switch {
		case err == nil:
			return ctx.Err() == nil
		case errors.As(err, &refusal):
			if refusal.Code != "RegionNotInitialized" {
				l.log.Info("leases are given by another leader", "reason", refusal.Message)
				return false
			}
		case ctx.Err() != nil:
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(l.cfg.Timing.Retry):
		}
	}
}

// visit gives every node that has none, such as one that has just registered, its first lease.
func (l *Lessor) visit() {
	v := l.cfg.Region.Local()
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	for n := range state.Nodes.All(v) {
		if v.Standing(n.ID).Lost {
			continue
		}
		seen[n.ID] = true
		if g := l.leases[n.ID]; g == nil || g.epoch < n.Epoch {
			l.leases[n.ID] = &grant{epoch: n.Epoch, until: l.fromNow()}
		}
	}
	maps.DeleteFunc(l.leases, func(node string, _ *grant) bool { return !seen[node] })
}

// expired are the nodes whose lease has ended, with the epoch it was given in. They get no renewal from here on, so
// that none is given between the decision and the entry.
func (l *Lessor) expired() map[string]uint64 {
	v := l.cfg.Region.Local()
	l.mu.Lock()
	defer l.mu.Unlock()
	now, still := time.Now(), time.Since(l.looked)
	l.looked = now
	if still > l.cfg.Timing.TTL/4 {
		// This process stood still, and renewals wait unread: as a new leader would, it starts over.
		l.log.Warn("the leader stood still; every node gets a whole lease again", "for", still)
		for _, g := range l.leases {
			g.until = l.fromNow()
		}
	}
	out := map[string]uint64{}
	for node, g := range l.leases {
		if g.busy || !g.losing && now.Before(g.until) {
			continue
		}
		holds := slices.ContainsFunc(slices.Collect(state.Instances.List(v, state.ByNode, node)), (*state.Instance).Holds)
		if !g.losing && holds && !v.Standing(node).Armed {
			if !g.warned {
				l.log.Warn("a node does not renew its lease and its guests are not fenced: its instances stay where they are", "node", node)
			}
			g.warned = true
			continue
		}
		g.losing, g.busy = true, true
		out[node] = g.epoch
	}
	return out
}

// lose declares a node lost. While the outcome is unknown the node stays without a lease, since the entry may yet be
// applied, and the loss is proposed again.
func (l *Lessor) lose(ctx context.Context, node string, epoch, term uint64) {
	c := command.LoseNode{NodeID: node, Epoch: epoch, Term: term, Avoid: l.silent(node)}
	v := l.cfg.Region.Local()
	for i := range state.Instances.List(v, state.ByNode, node) {
		if i.Desired == state.Running && i.Holds() && v.Remakes(i) {
			c.Moves = append(c.Moves, l.move(i))
		}
	}
	var lost command.Lost
	err := l.cfg.Region.Propose(ctx, c, &lost)
	var refusal *command.Error
	switch {
	case err == nil:
		l.log.Warn("node lost", "node", node, "epoch", lost.Epoch, "stopped", len(lost.Stopped), "recovered", len(lost.Recovered))
		return
	case errors.As(err, &refusal):
		l.log.Info("node not declared lost", "node", node, "reason", refusal.Message)
	case ctx.Err() == nil:
		l.log.Warn("cannot declare node lost yet", "node", node, "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.leases[node]
	if g == nil || g.epoch != epoch || l.term != term {
		return
	}
	g.busy = false
	if refusal != nil && refusal.Code != command.PlanConflict && refusal.Code != "InsufficientInstanceCapacity" {
		// It is certain that no entry of ours has an effect, so the node may renew again.
		g.losing, g.until = false, l.fromNow()
	}
}

// silent are the nodes, other than one, that have missed a renewal or two. Nodes are often lost together, and an instance
// that moves from one to the next would be late.
func (l *Lessor) silent(not string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for node, g := range l.leases {
		if node != not && (g.losing || time.Until(g.until) < l.cfg.Timing.TTL+l.cfg.Timing.Grace-2*l.cfg.Timing.Every) {
			out = append(out, node)
		}
	}
	slices.Sort(out)
	return out
}

// move is an instance's wish to be made anew: the scheduler adds where.
func (l *Lessor) move(i *state.Instance) command.Move {
	m := command.Move{InstanceID: i.ID}
	for _, d := range i.Devices {
		m.Volumes = append(m.Volumes, command.FreshVolume{Device: d.Name, VolumeID: l.cfg.NewVolumeID()})
	}
	return m
}
