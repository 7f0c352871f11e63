// SPDX-License-Identifier: Apache-2.0

package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Fence is what the node's lease means for its guests. The zero value is no fence: nobody else could own them.
type Fence struct {
	On    bool
	Until time.Duration // a reading of Config.Clock; guests run up to it and not beyond
}

// renewTimeout bounds one guard's answer to a renewal: a guard that hangs must not hold up the others' lease.
const renewTimeout = time.Second

// fence is the node's fence as the keepers see it.
type fence struct {
	mu    sync.Mutex
	now   Fence
	known bool
	bare  int // launches under way that began without a fence
}

func (f *fence) get() Fence {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// set moves the fence; while it is on, its end never goes back.
func (f *fence) set(next Fence) (before Fence) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before = f.now
	if before.On && next.On {
		next.Until = max(before.Until, next.Until)
	}
	f.now, f.known = next, true
	return before
}

// begin starts a launch under the present fence; end must be called when the guest can be found by its keeper.
func (f *fence) begin() (now Fence, end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now.On {
		return f.now, func() {}
	}
	f.bare++
	return f.now, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.bare--
	}
}

// holds tells whether guests may run now.
func (x *Executor) holds(f Fence) bool { return !f.On || x.cfg.Clock() < f.Until }

// SetFence moves the fence of the node and of all its guests. Without an error every guest of the node has taken it, and
// every guest that is launched from now on will: only then may the region be told that the node's guests are fenced.
func (x *Executor) SetFence(ctx context.Context, f Fence) error {
	before := x.fence.set(f)
	f = x.fence.get()
	left, err := x.cfg.Guests.List()
	if err != nil {
		return fmt.Errorf("fence guests: %w", err)
	}
	x.mu.Lock()
	keepers := maps.Clone(x.keepers)
	x.mu.Unlock()
	var wg sync.WaitGroup
	errs := make([]error, len(left)+1)
	for n, r := range left {
		if r.Guard {
			wg.Go(func() { errs[n] = fenceGuest(ctx, keepers[r.InstanceID], r.InstanceID, f) })
		}
	}
	wg.Wait()
	if !x.holds(before) && x.holds(f) {
		for _, k := range keepers { // what waits for the lease need not wait longer
			k.wake()
		}
	}
	x.fence.mu.Lock()
	defer x.fence.mu.Unlock()
	if f.On && x.fence.bare > 0 {
		errs[len(left)] = errors.New("a guest is being launched without a fence")
	}
	return errors.Join(errs...)
}

func fenceGuest(ctx context.Context, k *keeper, id string, f Fence) error {
	var g Guest
	if k != nil {
		g = k.current()
	}
	if g == nil {
		return fmt.Errorf("fence guest %s: its guard was not reached yet", id)
	}
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	if err := g.Renew(ctx, f.moment()); err != nil {
		return fmt.Errorf("fence guest %s: %w", id, err)
	}
	return nil
}

// moment is the fence as guards take it.
func (f Fence) moment() time.Duration {
	if !f.On {
		return 0
	}
	return f.Until
}

// recall takes over the fence that an earlier agent of this node has put up: until the lease is renewed nothing runs.
func (x *Executor) recall() {
	armed := x.cfg.Region.Local().Standing(x.cfg.NodeID).Armed
	x.fence.mu.Lock()
	defer x.fence.mu.Unlock()
	if armed && !x.fence.known {
		x.fence.now, x.fence.known = Fence{On: true}, true
	}
}

// renew brings a guest that its keeper has found under the node's fence; later renewals come by SetFence.
func (k *keeper) renew(ctx context.Context, g Guest) {
	f := k.x.fence.get()
	if f == k.renewed || !k.x.holds(f) {
		return
	}
	if err := g.Renew(ctx, f.moment()); err != nil {
		k.log.Warn("cannot renew fence deadline", "error", err)
		return
	}
	k.renewed = f
}

// resumeFenced lets a guest go on that was paused because the lease had ended, once the node has its lease again.
func (k *keeper) resumeFenced(ctx context.Context, g Guest, epoch uint64) time.Duration {
	f := k.x.fence.get()
	if !k.x.holds(f) {
		return time.Second
	}
	err := g.Renew(ctx, f.moment())
	if err == nil {
		err = g.Resume(ctx, epoch)
	}
	if err != nil {
		k.log.Warn("cannot resume fenced guest", "error", err)
	}
	return soon
}
