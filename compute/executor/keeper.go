// SPDX-License-Identifier: Apache-2.0

package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Waits between the steps of a keeper.
const (
	soon        = 200 * time.Millisecond
	maxBackoff  = 30 * time.Second
	callTimeout = 20 * time.Second
)

// keeper keeps one instance. Its fields are its goroutine's own, but for guest and status under mu.
type keeper struct {
	x    *Executor
	id   string
	log  hclog.Logger
	kick chan struct{}

	mu     sync.Mutex
	guest  Guest
	status Status
	lost   bool // the guard stopped answering

	stopWatch func() // ends the status watch of guest
	watch     sync.WaitGroup

	asked    time.Time     // when the guest was asked to power off
	reboot   time.Time     // when the guest was asked to reboot
	backoff  time.Duration // before the next start of a guest that keeps dying
	renewed  Fence         // what guest was last told
	forgiven bool          // the newest crash was reported

	stepping sync.Mutex // held during a step, and for good once the keeper is paused
}

func newKeeper(x *Executor, id string) *keeper {
	return &keeper{x: x, id: id, log: x.log.With("instance", id), kick: make(chan struct{}, 1)}
}

// wake makes the keeper look again.
func (k *keeper) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *keeper) current() Guest {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.guest
}

// seen is the newest status; ok is false without a guest or when its guard does not answer.
func (k *keeper) seen() (Guest, Status, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.guest, k.status, k.guest != nil && !k.lost
}

// run steps until nothing is left to keep or the context ends.
func (k *keeper) run(ctx context.Context) {
	defer k.letGo()
	for {
		wait, done := k.step(ctx)
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-k.kick:
		case <-time.After(wait):
		}
	}
}

// pause waits for the step under way and prevents any further one; the guest is then the caller's.
func (k *keeper) pause() { k.stepping.Lock() }

// resume ends a pause.
func (k *keeper) resume() {
	k.stepping.Unlock()
	k.wake()
}

// step takes the next step towards the desired state and says when to look again.
func (k *keeper) step(ctx context.Context) (wait time.Duration, done bool) {
	if !k.stepping.TryLock() {
		return k.x.cfg.Resync, false // paused
	}
	defer k.stepping.Unlock()
	if !k.hold(ctx) {
		return time.Second, false
	}
	view := k.x.cfg.Region.Local()
	i, ok := state.Instances.Get(view, state.AnyAccount, k.id)
	switch {
	case !ok || i.NodeID != k.x.cfg.NodeID:
		return k.abandon(ctx, ok)
	case i.State == state.Terminated:
		return k.abandon(ctx, true)
	case i.Desired == state.Running:
		return k.keepUp(ctx, view, i), false
	case i.Desired == state.Stopped:
		return k.bringDown(ctx, i, command.SawStopped)
	default:
		return k.bringDown(ctx, i, command.SawTerminated)
	}
}

// hold asks the guest's guard, or adopts one that is there already. It is false while the guard cannot be reached or
// started. A step never acts on what the watch saw: that may be from before the previous step's own action.
func (k *keeper) hold(ctx context.Context) bool {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if g, _, ok := k.seen(); ok {
		if st, err := g.Status(callCtx, 0); err == nil {
			k.mu.Lock()
			k.status = st
			k.mu.Unlock()
			return true
		}
	}
	k.letGo()
	g, ok, err := k.x.cfg.Guests.Adopt(callCtx, k.id)
	if err != nil {
		k.log.Warn("cannot adopt guest yet", "error", err)
		return false
	}
	if !ok {
		return true
	}
	st, err := g.Status(callCtx, 0)
	if err != nil {
		k.log.Warn("guard does not answer yet", "error", err)
		return false
	}
	k.log.Info("adopted guest", "phase", st.Phase, "epoch", st.Epoch)
	k.follow(ctx, g, st)
	return true
}

// follow makes g the keeper's guest and watches its status.
func (k *keeper) follow(ctx context.Context, g Guest, st Status) {
	k.mu.Lock()
	k.guest, k.status, k.lost = g, st, false
	k.mu.Unlock()
	watchCtx, cancel := context.WithCancel(ctx)
	k.stopWatch = cancel
	k.watch.Go(func() {
		for known := st.Version; ; {
			st, err := g.Status(watchCtx, known)
			if watchCtx.Err() != nil {
				return
			}
			k.mu.Lock()
			if err != nil {
				k.lost = true
			} else {
				k.status, known = st, st.Version
			}
			k.mu.Unlock()
			k.wake()
			if err != nil {
				return
			}
		}
	})
}

// letGo stops watching the guest; the guest itself goes on.
func (k *keeper) letGo() {
	if k.stopWatch != nil {
		k.stopWatch()
		k.watch.Wait()
		k.stopWatch = nil
	}
	k.mu.Lock()
	k.guest, k.status, k.lost = nil, Status{}, false
	k.mu.Unlock()
	k.renewed = Fence{}
}

// keepUp makes a guest run and looks after it.
func (k *keeper) keepUp(ctx context.Context, view *state.View, i *state.Instance) time.Duration {
	g, st, ok := k.seen()
	if !ok {
		return k.start(ctx, view, i)
	}
	if st.Epoch != i.Epoch {
		k.log.Warn("ending a guest of an older epoch", "has", st.Epoch, "wanted", i.Epoch)
		k.end(ctx, g, st)
		return soon
	}
	k.renew(ctx, g)
	switch st.Phase {
	case Starting:
		return soon
	case Up:
		return k.up(ctx, g, st, i)
	case Off:
		return k.off(ctx, g, i)
	case Failed:
		k.end(ctx, g, st)
		return k.notStarted(ctx, i, fmt.Errorf("the hypervisor did not come up: %s", st.Reason))
	case Died, Gone:
		return k.died(ctx, g, st, i)
	case Fenced:
		return k.resumeFenced(ctx, g, i.Epoch)
	case Panicked:
		k.impaired(ctx, i, "the guest's kernel panicked: "+st.Reason)
		if i.RebootSeq > i.ObservedReboot {
			return k.resetNow(ctx, g, i)
		}
	case Held:
		k.impaired(ctx, i, "the guest is held by a disk error: "+st.Reason)
	}
	return k.x.cfg.Resync
}

// up reports a running guest and carries out reboots.
func (k *keeper) up(ctx context.Context, g Guest, st Status, i *state.Instance) time.Duration {
	k.forgiven = false
	if i.State == state.Pending || !slices.Equal(st.Ports, i.Ports) {
		k.report(ctx, i, command.InstanceReport{Saw: command.SawRunning, Ports: st.Ports})
	}
	if i.Impaired != "" {
		k.impaired(ctx, i, "")
	}
	if i.RebootSeq <= i.ObservedReboot {
		k.reboot, k.backoff = time.Time{}, 0
		return k.x.cfg.Resync
	}
	if k.reboot.IsZero() {
		k.reboot = time.Now()
		if err := g.Powerdown(ctx); err != nil {
			k.log.Warn("cannot ask guest to reboot", "error", err)
		}
	}
	if time.Since(k.reboot) >= k.x.cfg.RebootGrace {
		k.log.Info("guest did not reboot in time, resetting it", "grace", k.x.cfg.RebootGrace)
		return k.resetNow(ctx, g, i)
	}
	return k.x.cfg.RebootGrace - time.Since(k.reboot)
}

// off: the guest is off. Either it was asked to reboot, or it powered itself off.
func (k *keeper) off(ctx context.Context, g Guest, i *state.Instance) time.Duration {
	if i.RebootSeq > i.ObservedReboot {
		return k.resetNow(ctx, g, i)
	}
	k.report(ctx, i, command.InstanceReport{Saw: command.SawGuestShutdown})
	return soon
}

func (k *keeper) resetNow(ctx context.Context, g Guest, i *state.Instance) time.Duration {
	if err := g.Reset(ctx); err != nil {
		k.log.Warn("cannot reset guest", "error", err)
		return time.Second
	}
	k.reboot = time.Time{}
	k.report(ctx, i, command.InstanceReport{Saw: command.SawRebooted, RebootSeq: i.RebootSeq})
	return soon
}

// died: the hypervisor is gone. It is reported, and started again when the instance recovers automatically.
func (k *keeper) died(ctx context.Context, g Guest, st Status, i *state.Instance) time.Duration {
	if st.Phase == Died && !k.forgiven {
		k.log.Warn("hypervisor died", "reason", st.Reason)
		k.forgiven = k.report(ctx, i, command.InstanceReport{Saw: command.SawCrashed, Reason: state.Reason{Code: "Server.InternalError", Message: "the hypervisor ended unexpectedly: " + st.Reason}})
		if i.AutoRecovery == "disabled" {
			return soon
		}
	}
	k.end(ctx, g, st)
	wait := k.backoff
	k.backoff = min(max(2*k.backoff, time.Second), maxBackoff)
	return wait
}

// impaired reports why the guest is not reachable; "" takes it back.
func (k *keeper) impaired(ctx context.Context, i *state.Instance, why string) {
	if i.Impaired != why {
		k.report(ctx, i, command.InstanceReport{Saw: command.SawImpaired, Reason: state.Reason{Message: why}})
	}
}

// start launches the guest; what cannot work is reported, what may work later is tried again.
func (k *keeper) start(ctx context.Context, view *state.View, i *state.Instance) time.Duration {
	if !k.x.holds(k.x.fence.get()) {
		return time.Second // SetFence wakes us
	}
	st, err := k.launch(ctx, view, i)
	if err == nil {
		k.log.Info("started guest", "phase", st.Phase)
		if st.Phase == Up {
			return 0 // to say so
		}
		return soon
	}
	return k.notStarted(ctx, i, err)
}

// notStarted reports a guest that could not be started, or tries it again later when it ran before.
func (k *keeper) notStarted(ctx context.Context, i *state.Instance, err error) time.Duration {
	if ctx.Err() != nil {
		return soon
	}
	k.log.Error("cannot start guest", "error", err)
	if i.State == state.Pending && !errors.Is(err, context.DeadlineExceeded) {
		k.report(ctx, i, command.InstanceReport{Saw: command.SawFailed, Reason: failure(err)})
		return soon
	}
	k.impaired(ctx, i, "the guest cannot be started: "+err.Error())
	k.backoff = min(max(2*k.backoff, time.Second), maxBackoff)
	return k.backoff
}

// failure is the StateReason of a start that failed.
func failure(err error) state.Reason {
	switch {
	case errors.Is(err, ErrNoSpace):
		return state.Reason{Code: "Server.InsufficientInstanceCapacity", Message: "Server.InsufficientInstanceCapacity: Insufficient capacity to launch the instance: the node's disk has no room for its volumes"}
	case errors.Is(err, ErrNoSnapshot):
		return state.Reason{Code: "Client.InvalidSnapshot.NotFound", Message: "Client.InvalidSnapshot.NotFound: The specified snapshot was not found"}
	case errors.Is(err, ErrNoVolume):
		return state.Reason{Code: "Server.InternalError", Message: "Server.InternalError: The data of a volume of the instance is not on its node"}
	}
	return state.Reason{Code: "Server.InternalError", Message: "Server.InternalError: Internal error on launch"}
}

// bringDown makes a guest stop, asks before it forces, and reports when nothing of it runs any more.
func (k *keeper) bringDown(ctx context.Context, i *state.Instance, saw string) (time.Duration, bool) {
	g, st, ok := k.seen()
	if !ok {
		if err := k.x.cfg.Guests.Remove(k.id, true); err != nil {
			k.log.Warn("cannot remove the remains of a guest", "error", err)
			return time.Second, false
		}
		if !settled(i) && !k.report(ctx, i, command.InstanceReport{Saw: saw}) {
			return time.Second, false
		}
		return 0, true
	}
	if (st.Phase == Up || st.Phase == Starting) && !k.force(i) && st.Epoch == i.Epoch {
		if k.asked.IsZero() {
			k.asked = time.Now()
			if err := g.Powerdown(ctx); err != nil {
				k.log.Warn("cannot ask guest to power off", "error", err)
			}
		}
		if left := k.x.cfg.StopGrace - time.Since(k.asked); left > 0 {
			return min(left, k.x.cfg.Resync), false
		}
		k.log.Info("guest did not power off in time, forcing it", "grace", k.x.cfg.StopGrace)
	}
	k.end(ctx, g, st)
	k.asked = time.Time{}
	return 0, false
}

// force tells whether the guest need not be asked: the user said so, or nothing of it outlives its end.
func (k *keeper) force(i *state.Instance) bool {
	if i.Desired == state.Stopped {
		return i.Force
	}
	return !slices.ContainsFunc(i.Devices, func(d state.Device) bool { return !d.DeleteOnTermination })
}

// end ends hypervisor and guard, and releases the volumes.
func (k *keeper) end(ctx context.Context, g Guest, st Status) {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := k.quit(callCtx, g, st); err != nil {
		k.log.Warn("cannot end hypervisor", "error", err)
		return
	}
	if err := g.Close(callCtx); err != nil {
		k.log.Warn("cannot end guard", "error", err)
		return
	}
	for v := range state.Volumes.List(k.x.cfg.Region.Local(), state.ByInstance, k.id) {
		if err := k.x.cfg.Blocks.Release(callCtx, v.ID, v.Epoch); err != nil {
			k.log.Warn("cannot release volume", "volume", v.ID, "error", err)
		}
	}
	k.letGo()
	if err := k.x.cfg.Guests.Remove(k.id, true); err != nil {
		k.log.Warn("cannot remove the remains of a guest", "error", err)
	}
}

// down tells whether the hypervisor has ended.
func (p Phase) down() bool { return p == Off || p == Died || p == Gone || p == Failed }

// quit ends the hypervisor. One that ended by itself meanwhile is as good.
func (k *keeper) quit(ctx context.Context, g Guest, st Status) error {
	if st.Phase.down() && st.Phase != Off {
		return nil
	}
	err := g.Quit(ctx)
	if err == nil {
		return nil
	}
	if now, askErr := g.Status(ctx, 0); askErr == nil && now.Phase.down() {
		return nil
	}
	return err
}

// abandon ends what runs here of an instance that is not, or no longer, this node's.
func (k *keeper) abandon(ctx context.Context, keepConsole bool) (time.Duration, bool) {
	if g, st, ok := k.seen(); ok {
		k.log.Warn("ending a guest that is not assigned to this node", "epoch", st.Epoch)
		k.end(ctx, g, st)
		return soon, false
	}
	if err := k.x.cfg.Guests.Remove(k.id, keepConsole); err != nil {
		k.log.Warn("cannot remove the remains of a guest", "error", err)
		return time.Second, false
	}
	return 0, true
}

// report sends one observation.
func (k *keeper) report(ctx context.Context, i *state.Instance, r command.InstanceReport) bool {
	r.InstanceID, r.Epoch, r.Generation = i.ID, i.Epoch, i.Generation
	return k.x.propose(ctx, command.ReportInstances{NodeID: k.x.cfg.NodeID, NodeEpoch: k.x.cfg.Epoch(), Reports: []command.InstanceReport{r}})
}
