// SPDX-License-Identifier: Apache-2.0

package simguest

import (
	"context"
	"time"

	"github.com/hivecloud/hive/compute/executor"
)

// HaltTime is how long a simulated guest runs on after its deadline: the worst that a real guard allows its hypervisor
// before it stops it by a signal.
const HaltTime = 2 * time.Second

// Clock is the host's clock, on which fence deadlines are moments. It goes on while the agent is frozen.
func (h *Host) Clock() time.Duration {
	if h.Now != nil {
		return h.Now()
	}
	return time.Since(h.born) + time.Hour
}

// Freeze stops the agent as SIGSTOP does: what it has decided to do to guests happens when it is thawed. Guests and their
// guards go on.
func (h *Host) Freeze() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.frozen == nil {
		h.frozen = make(chan struct{})
	}
}

// Thaw ends Freeze.
func (h *Host) Thaw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.frozen != nil {
		close(h.frozen)
		h.frozen = nil
	}
}

// BreakFence makes guards ignore their deadlines. A checker that does not notice is worth nothing.
func (h *Host) BreakFence() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unfenced = true
}

// thaw waits until the agent runs.
func (h *Host) thaw() {
	h.mu.Lock()
	frozen := h.frozen
	h.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

// Renew moves the deadline.
func (g *Guest) Renew(_ context.Context, until time.Duration) error {
	g.host.thaw()
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	if g.closed {
		return errClosed
	}
	if until == 0 || g.until == 0 {
		g.until = until
	}
	g.until = max(g.until, until)
	g.arm()
	return nil
}

// begin is a guest's first moment. A guard starts its guest when the lease lives: see guard.awaitFence.
func (g *Guest) begin() {
	g.until = g.launch.Fence
	if g.over() {
		g.status.Phase = executor.Fenced
		return
	}
	g.tell(true)
	g.arm()
}

// arm looks again when the deadline has come. Earlier alarms find that it has moved.
func (g *Guest) arm() {
	if g.until == 0 {
		return
	}
	time.AfterFunc(g.until+HaltTime-g.host.Clock(), func() {
		g.host.mu.Lock()
		defer g.host.mu.Unlock()
		if g.over() && g.status.Phase == executor.Up {
			g.become(executor.Fenced, "its lease was not renewed in time")
		}
	})
}

func (g *Guest) over() bool {
	return g.until != 0 && g.host.Clock() >= g.until && !g.host.unfenced
}

// tell tells the watcher of a change.
func (g *Guest) tell(runs bool) {
	if g.runs != runs && g.host.Runs != nil {
		g.host.Runs(g.launch.InstanceID, g.launch.Epoch, runs)
	}
	g.runs = runs
}
