// SPDX-License-Identifier: Apache-2.0

package simguest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/compute/executor"
)

// Host is a machine that only pretends: it outlives the executors that work on it, as real guards do.
type Host struct {
	mu        sync.Mutex
	guests    map[string]*Guest
	volumes   map[string]int64 // sizes in bytes
	snapshots map[string]int64
	free      int64
	dir       string // where volumes and snapshots are remembered; "" is nowhere
	deaf      bool   // guests do not listen to the power button
	launches  int
	asked     int // how often a guard was asked for its status
	released  int
	born      time.Time
	frozen    chan struct{} // closed when the agent runs again; nil while it runs
	unfenced  bool

	// Runs, when set, is told when a guest begins and ceases to run. It is called under the host's lock.
	Runs func(instance string, epoch uint64, runs bool)
	// Now, when set, is the clock of fence deadlines instead of one of the host's own. It is set before the host is used.
	Now func() time.Duration
}

var (
	_ executor.Guests = (*Host)(nil)
	_ executor.Blocks = (*Host)(nil)
	_ executor.Guest  = (*Guest)(nil)
)

// NewHost returns a host with free bytes of disk.
func NewHost(free int64) *Host {
	return &Host{guests: map[string]*Guest{}, volumes: map[string]int64{}, snapshots: map[string]int64{}, free: free, born: time.Now()}
}

// SetDeaf makes guests ignore the power button, or heed it.
func (h *Host) SetDeaf(deaf bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deaf = deaf
}

// Launches is how many guests were ever started.
func (h *Host) Launches() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.launches
}

// Asked is how often guards were asked how their guests are.
func (h *Host) Asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// Released is how often a volume was released.
func (h *Host) Released() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.released
}

// Guest finds a guest.
func (h *Host) Guest(instance string) (*Guest, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g, ok := h.guests[instance]
	return g, ok
}

// Launch starts a guest, which runs at once.
func (h *Host) Launch(_ context.Context, l executor.Launch) (executor.Guest, error) {
	h.thaw()
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.guests[l.InstanceID]; ok {
		return nil, fmt.Errorf("launch guest %s: it is there already", l.InstanceID)
	}
	for _, d := range l.Disks {
		if _, ok := h.volumes[d.VolumeID]; !ok {
			return nil, fmt.Errorf("launch guest %s: no volume %s", l.InstanceID, d.VolumeID)
		}
	}
	h.launches++
	g := &Guest{host: h, launch: l, status: executor.Status{Version: 1, Epoch: l.Epoch, Phase: executor.Up}, changed: make(chan struct{})}
	h.guests[l.InstanceID] = g
	g.begin()
	return g, nil
}

// Adopt finds a guest that is there.
func (h *Host) Adopt(_ context.Context, instance string) (executor.Guest, bool, error) {
	g, ok := h.Guest(instance)
	if !ok {
		return nil, false, nil
	}
	return g, true, nil
}

// List names the guests.
func (h *Host) List() ([]executor.Remains, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []executor.Remains
	for _, id := range slices.Sorted(maps.Keys(h.guests)) {
		out = append(out, executor.Remains{InstanceID: id, Guard: true})
	}
	return out, nil
}

// Console is always the same line, so that whoever looks for what a guest says learns why it says nothing.
func (h *Host) Console(instance string, limit int) ([]byte, time.Time, error) {
	text := []byte("simulated guest " + instance + ": it has no processor, no disk and no network\n")
	return text[max(0, len(text)-limit):], h.born, nil
}

// Remove forgets a guest that is down.
func (h *Host) Remove(instance string, _ bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if g, ok := h.guests[instance]; ok && !g.closed {
		return fmt.Errorf("remove guest %s: its guard is there", instance)
	}
	delete(h.guests, instance)
	return nil
}

// Guest is a guard in memory. Its fields are under the host's lock.
type Guest struct {
	host    *Host
	launch  executor.Launch
	status  executor.Status
	changed chan struct{}
	closed  bool
	runs    bool          // as Host.Runs was told
	until   time.Duration // fence deadline; 0 is none
	Resets  int
}

// errClosed is a guard that has ended.
var errClosed = errors.New("guard has ended")

// Become moves the guest to a phase, as if it had happened by itself.
func (g *Guest) Become(p executor.Phase, reason string) {
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	g.become(p, reason)
}

func (g *Guest) become(p executor.Phase, reason string) {
	g.status.Version++
	g.tell(p == executor.Up)
	g.status.Phase, g.status.Reason = p, reason
	close(g.changed)
	g.changed = make(chan struct{})
}

// Status waits for another version than known.
func (g *Guest) Status(ctx context.Context, known uint64) (executor.Status, error) {
	for first := true; ; first = false {
		g.host.mu.Lock()
		if first {
			g.host.asked++
		}
		st, changed, closed := g.status, g.changed, g.closed
		g.host.mu.Unlock()
		if closed {
			return executor.Status{}, errClosed
		}
		if st.Version != known {
			return st, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return executor.Status{}, ctx.Err()
		}
	}
}

// Powerdown turns the guest off unless it is deaf.
func (g *Guest) Powerdown(context.Context) error {
	g.host.thaw()
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	if !g.host.deaf {
		g.become(executor.Off, "")
	}
	return nil
}

// Reset lets the guest run from its beginning.
func (g *Guest) Reset(context.Context) error {
	g.host.thaw()
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	g.Resets++
	g.become(executor.Up, "")
	return nil
}

// Resume lets a fenced guest run.
func (g *Guest) Resume(_ context.Context, epoch uint64) error {
	g.host.thaw()
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	if epoch != g.launch.Epoch {
		return fmt.Errorf("resume guest %s: epoch %d is not %d", g.launch.InstanceID, epoch, g.launch.Epoch)
	}
	if g.over() {
		return fmt.Errorf("resume guest %s: its fence deadline is over", g.launch.InstanceID)
	}
	g.become(executor.Up, "")
	return nil
}

// Quit ends the hypervisor.
func (g *Guest) Quit(context.Context) error {
	g.host.thaw()
	g.Become(executor.Gone, "")
	return nil
}

// Close ends the guard.
func (g *Guest) Close(context.Context) error {
	g.host.thaw()
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	g.closed = true
	close(g.changed)
	g.changed = make(chan struct{})
	return nil
}

// Usage is nothing.
func (g *Guest) Usage(context.Context) (executor.Usage, error) { return executor.Usage{}, nil }
