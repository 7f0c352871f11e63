// SPDX-License-Identifier: Apache-2.0

package executor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/boottime"
)

// Errors that the ports answer with.
var (
	// ErrNoSpace is a disk without room for a new volume.
	ErrNoSpace = errors.New("not enough disk space")
	// ErrNoSnapshot is a snapshot whose bytes are not on this node.
	ErrNoSnapshot = errors.New("snapshot is not on this node")
	// ErrNoVolume is a volume that a guest has run on and whose bytes are not on this node.
	ErrNoVolume = errors.New("the volume's bytes are not on this node")
)

// Config is what an executor works with.
type Config struct {
	NodeID string
	Region Region
	Blocks Blocks
	Guests Guests

	// Epoch is the epoch in which this node registered; reports carry it. Nil means 0, which is not checked.
	Epoch func() uint64
	// Clock is what the fence's moments are read from. Default: CLOCK_BOOTTIME, which the guards read too.
	Clock func() time.Duration

	// StopGrace is how long a guest that was asked to power off may take. Default 2 minutes.
	StopGrace time.Duration
	// RebootGrace is how long a guest that was asked to reboot may take before it is reset ("within a few minutes",
	// API_RebootInstances). Default 2 minutes.
	RebootGrace time.Duration
	// Resync is how often a keeper looks again without a cause. Default 5 seconds.
	Resync time.Duration

	Logger hclog.Logger
}

// Executor runs the keepers of one node.
type Executor struct {
	cfg Config
	log hclog.Logger
	wg  sync.WaitGroup

	fence fence

	// What the last pass saw, so that a change of the region wakes only those whom it concerns: each step of a keeper is a
	// question to a guard. Run's goroutine alone has them.
	rows  map[string]*state.Instance
	self  standing
	swept time.Time

	mu       sync.Mutex
	keepers  map[string]*keeper
	draining bool
}

// New returns an executor; Run starts it.
func New(cfg Config) *Executor {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&cfg.StopGrace, 2 * time.Minute}, {&cfg.RebootGrace, 2 * time.Minute}, {&cfg.Resync, 5 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if cfg.Epoch == nil {
		cfg.Epoch = func() uint64 { return 0 }
	}
	if cfg.Clock == nil {
		cfg.Clock = boottime.Now
	}
	return &Executor{cfg: cfg, log: cfg.Logger.Named("executor"), keepers: map[string]*keeper{}, rows: map[string]*state.Instance{}}
}

// Run keeps the node's instances until the context ends. Guests go on without it.
func (x *Executor) Run(ctx context.Context) error {
	defer x.wg.Wait()
	if err := x.firstView(ctx); err != nil {
		return err
	}
	x.recall()
	known := map[string]bool{} // snapshots that this node held
	for {
		changed := x.cfg.Region.Changed()
		view := x.cfg.Region.Local()
		var guards map[string]bool
		if time.Since(x.swept) >= sweepEvery {
			x.swept = time.Now()
			guards = x.remains(view)
			x.reportSpace(ctx, view)
		}
		x.assign(ctx, view, guards)
		x.deleteVolumes(ctx, view)
		x.deleteSnapshots(ctx, view, known)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(x.cfg.Resync):
		}
	}
}

// firstView waits for a linearizable view: what was assigned elsewhere while this node was away must be known first.
func (x *Executor) firstView(ctx context.Context) error {
	for {
		_, err := x.cfg.Region.View(ctx)
		if err == nil {
			return nil
		}
		x.log.Info("waiting for the region", "reason", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// standing is what of a node's own record decides what its reports are worth and what its guests may do.
type standing struct {
	epoch       uint64
	lost, armed bool
}

// assign makes sure that every instance that concerns this node has a keeper, and wakes those whose row has changed; all
// of them when the node's own standing has. guards are the instances that have a guard here, when they were looked for.
func (x *Executor) assign(ctx context.Context, view *state.View, guards map[string]bool) {
	s := view.Standing(x.cfg.NodeID)
	self := standing{lost: s.Lost, armed: s.Armed}
	if n, ok := state.Nodes.Get(view, state.AnyAccount, x.cfg.NodeID); ok {
		self.epoch = n.Epoch
	}
	everybody := self != x.self
	x.self = self
	x.mu.Lock()
	defer x.mu.Unlock()
	before, rows := x.rows, map[string]*state.Instance{}
	for i := range state.Instances.List(view, state.ByNode, x.cfg.NodeID) {
		rows[i.ID] = i
	}
	for _, ids := range []iter.Seq[string]{maps.Keys(guards), maps.Keys(x.keepers)} {
		for id := range ids {
			if _, here := rows[id]; !here { // elsewhere, or not at all: it is to be ended here
				rows[id], _ = state.Instances.Get(view, state.AnyAccount, id)
			}
		}
	}
	x.rows = rows
	if x.draining {
		return
	}
	for id, row := range rows {
		if k, ok := x.keepers[id]; ok {
			if was, known := before[id]; everybody || !known || was != row { // rows are never changed in place
				k.wake()
			}
			continue
		}
		if row != nil && settled(row) && !guards[id] {
			continue
		}
		k := newKeeper(x, id)
		x.keepers[id] = k
		x.wg.Go(func() {
			k.run(ctx)
			x.mu.Lock()
			delete(x.keepers, id)
			x.mu.Unlock()
		})
	}
}

// settled tells whether nothing is to be done for an instance that has no guard.
func settled(i *state.Instance) bool {
	return i.State == state.Terminated || i.State == state.Stopped && i.Desired == state.Stopped
}

// remains names the instances that have a guard here, and removes serial logs of instances that are forgotten.
func (x *Executor) remains(view *state.View) map[string]bool {
	guards := map[string]bool{}
	left, err := x.cfg.Guests.List()
	if err != nil {
		x.log.Warn("cannot list guests", "error", err)
	}
	for _, r := range left {
		if r.Guard {
			guards[r.InstanceID] = true
			continue
		}
		if _, ok := state.Instances.Get(view, state.AnyAccount, r.InstanceID); !ok {
			if err := x.cfg.Guests.Remove(r.InstanceID, false); err != nil {
				x.log.Warn("cannot remove serial log", "instance", r.InstanceID, "error", err)
			}
		}
	}
	return guards
}

// deleteVolumes removes the bytes of volumes that are being deleted.
func (x *Executor) deleteVolumes(ctx context.Context, view *state.View) {
	var done []command.VolumeReport
	for v := range state.Volumes.List(view, state.ByNode, x.cfg.NodeID) {
		if v.State != state.VolumeDeleting {
			continue
		}
		if err := x.cfg.Blocks.Delete(ctx, v.ID); err != nil {
			x.log.Warn("cannot delete volume yet", "volume", v.ID, "error", err)
			continue
		}
		done = append(done, command.VolumeReport{VolumeID: v.ID, State: command.VolumeDeleted})
	}
	if len(done) > 0 {
		x.propose(ctx, command.ReportVolumes{NodeID: x.cfg.NodeID, NodeEpoch: x.cfg.Epoch(), Reports: done})
	}
}

// deleteSnapshots removes the bytes of snapshots that this node held and the region no longer knows. Bytes that were
// never seen in the region are left alone: they may belong to an import under way or to a region yet to be restored.
func (x *Executor) deleteSnapshots(ctx context.Context, view *state.View, known map[string]bool) {
	have := map[string]bool{}
	for s := range state.Snapshots.All(view) {
		if slices.Contains(s.Nodes, x.cfg.NodeID) {
			have[s.ID] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if have[id] {
			continue
		}
		if err := x.cfg.Blocks.DeleteSnapshot(ctx, id); err != nil {
			x.log.Warn("cannot delete snapshot yet", "snapshot", id, "error", err)
			continue
		}
		delete(known, id)
	}
	maps.Copy(known, have)
}

// sweepEvery is how often at most the node looks at what is here of guests and how much room its disk has: a region may
// change hundreds of times a second.
const sweepEvery = time.Second

// spaceStep is the change of free space, in GiB, that is worth telling the scheduler.
const spaceStep = 1

// reportSpace tells the region how much room new volumes have here.
func (x *Executor) reportSpace(ctx context.Context, view *state.View) {
	n, ok := state.Nodes.Get(view, state.AnyAccount, x.cfg.NodeID)
	if !ok || !n.HasCap("ec2") && !n.HasCap("ebs") { // without either it has no block daemon
		return
	}
	free, err := x.cfg.Blocks.Free(ctx)
	if err != nil {
		x.log.Warn("cannot read free space", "error", err)
		return
	}
	gib := max(free, 0) >> 30
	if gib-n.FreeStorageGiB >= spaceStep || n.FreeStorageGiB-gib >= spaceStep {
		x.propose(ctx, command.ReportNode{NodeID: n.ID, NodeEpoch: x.cfg.Epoch(), FreeStorageGiB: gib})
	}
}

// propose sends a report; a report that does not get through is made again by the next pass.
func (x *Executor) propose(ctx context.Context, c command.Command) bool {
	if err := x.cfg.Region.Propose(ctx, c, nil); err != nil {
		if ctx.Err() == nil {
			x.log.Warn("report did not get through; it will be made again", "report", c.Type().Name(), "error", err)
		}
		return false
	}
	return true
}

// Console is the end of an instance's serial log.
func (x *Executor) Console(id string, limit int) ([]byte, time.Time, error) {
	return x.cfg.Guests.Console(id, limit)
}

// ErrNotRunning is a question that only a running guest can answer.
var ErrNotRunning = errors.New("instance is not running on this node")

// Screen is a PNG picture of a running guest's display.
func (x *Executor) Screen(ctx context.Context, id string) ([]byte, error) {
	g := x.guest(id)
	if g == nil {
		return nil, fmt.Errorf("picture of instance %s: %w", id, ErrNotRunning)
	}
	return g.Screen(ctx)
}

// Usages are what guests of this node have used, by instance id; those that do not answer are left out.
func (x *Executor) Usages(ctx context.Context, ids []string) map[string]Usage {
	out := map[string]Usage{}
	for _, id := range ids {
		if g := x.guest(id); g != nil {
			if u, err := g.Usage(ctx); err == nil {
				out[id] = u
			}
		}
	}
	return out
}

func (x *Executor) guest(id string) Guest {
	x.mu.Lock()
	k := x.keepers[id]
	x.mu.Unlock()
	if k == nil {
		return nil
	}
	return k.current()
}
