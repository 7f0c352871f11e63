// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// haltTimeout is how long QEMU may take to obey the fence before its process is stopped by a signal. QEMU waits for its I/O in flight when
// it stops a guest, and a volume that does not answer would hold it for minutes.
const haltTimeout = 2 * time.Second

// fencePoll is how often a start looks whether its lease was renewed.
const fencePoll = 100 * time.Millisecond

// fenceRecord is DIR/fence.json: the deadline as the next guard needs it. It is written at every renewal, without sync: when the host
// loses power the guest is gone too.
type fenceRecord struct {
	RunID    string `json:"run_id"`
	HostBoot string `json:"host_boot"`
	// Deadline is in nanoseconds of CLOCK_BOOTTIME; 0 is no fence.
	Deadline int64 `json:"deadline"`
}

// loadFence arms the deadline that the guard before this one had.
func (g *guard) loadFence() error {
	var r fenceRecord
	s := g.board.get()
	err := readJSON(g.dir, fenceName, &r) // none, or half of one from a full disk: then the spec's counts
	if err == nil && r.RunID == s.RunID && r.HostBoot == s.HostBoot {
		if r.Deadline == 0 {
			return nil
		}
		return g.fence.set(r.Deadline)
	}
	if g.spec.FenceDeadline == 0 {
		return nil
	}
	return g.renewUntil(g.spec.FenceDeadline)
}

// FenceDeadline is the deadline that the guard of dir was last given, in nanoseconds of CLOCK_BOOTTIME; 0 is none.
// Whoever starts the next run of a guest hands it on in the spec.
func FenceDeadline(dir string) int64 {
	var r fenceRecord
	if err := readJSON(dir, fenceName, &r); err != nil {
		return 0
	}
	return r.Deadline
}

// awaitFence waits until the fence, if there is one, is in the future: a guest does not start on a lease that has ended.
func (g *guard) awaitFence(ctx context.Context) error {
	for {
		err := g.liftFence()
		if err == nil {
			g.board.update(func(s *Status) { s.Fenced = false })
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(fencePoll):
		}
	}
}

// fenceNewborn stops a guest whose fence has come between the decision to start it and the existence of its process,
// when there was nothing to stop.
func (g *guard) fenceNewborn(ctx context.Context) {
	if g.fenced.Load() {
		g.wg.Go(func() { g.halt(ctx) })
	}
}

// renewUntil moves the fence's deadline to a moment of CLOCK_BOOTTIME, never back.
func (g *guard) renewUntil(at int64) error {
	if at <= 0 {
		return fmt.Errorf("%w: deadline %d", ErrInvalid, at)
	}
	now, err := g.fence.extend(at)
	if err != nil {
		return err
	}
	s := g.board.get()
	return writeJSON(g.dir, fenceName, fenceRecord{RunID: s.RunID, HostBoot: s.HostBoot, Deadline: now}, false)
}

// renew moves the fence's deadline; 0 takes the fence away. It never lets a fenced guest run again: see resume.
func (g *guard) renew(ttl time.Duration) error {
	var at int64
	var err error
	switch {
	case ttl < 0:
		return fmt.Errorf("%w: ttl %v", ErrInvalid, ttl)
	case ttl == 0:
		err = g.fence.set(0)
	default:
		at, err = g.fence.setIn(ttl)
	}
	if err != nil {
		return err
	}
	s := g.board.get()
	return writeJSON(g.dir, fenceName, fenceRecord{RunID: s.RunID, HostBoot: s.HostBoot, Deadline: at}, false)
}

// onFence is the end of the deadline.
func (g *guard) onFence(ctx context.Context) {
	g.fenceOff(ctx, "its lease was not renewed in time")
}

// expireFence fences a guest that is up for another reason than time. It does not wait: its callers serve the disks that QEMU may be
// waiting for.
func (g *guard) expireFence(why string) {
	g.mu.Lock()
	up := g.proc != nil
	g.mu.Unlock()
	if up {
		g.wg.Go(func() { g.fenceOff(context.Background(), why) })
	}
}

// fenceOff stops the guest and takes it off the network. The order matters: first nobody may let it run again, then its ports go,
// which cannot fail or wait, then QEMU, which can; what is written down comes last, because a disk can wait too.
func (g *guard) fenceOff(ctx context.Context, why string) {
	g.fenceMu.Lock()
	g.fenced.Store(true)
	g.fenceMu.Unlock()
	g.ports.closeAll()
	g.log.Warn("guest fenced", "because", why)
	g.halt(ctx)
	g.board.update(func(s *Status) {
		s.Fenced = true
		if s.Phase == PhaseRunning || s.Phase == PhasePaused {
			s.Phase, s.Reason, s.Detail = PhasePaused, ReasonFence, why
		}
	})
}

func (g *guard) fenceDetail() string {
	return "the guest is fenced until it is resumed with the current epoch"
}

// halt stops the guest's processors: by QMP, or, when QEMU does not obey, by stopping its process.
func (g *guard) halt(ctx context.Context) {
	g.mu.Lock()
	proc := g.proc
	g.mu.Unlock()
	if proc == nil || proc.isGone() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, haltTimeout)
	defer cancel()
	monitor, err := g.currentMonitor(ctx)
	if err == nil {
		err = monitor.Stop(ctx)
	}
	if err == nil || errors.Is(err, ErrNotRunning) || proc.isGone() {
		return
	}
	g.log.Warn("qemu does not stop the guest, stopping qemu", "error", err)
	if err := proc.signal(syscall.SIGSTOP); err != nil {
		g.log.Error("qemu cannot be stopped", "error", err)
		return
	}
	g.board.update(func(s *Status) { s.Frozen = true })
}

// cont lets the guest run, unless the fence has expired or somebody has asked for a pause. Whatever makes a guest run comes through here.
func (g *guard) cont(ctx context.Context) error {
	if g.fenced.Load() {
		return ErrFenced
	}
	if g.userPaused.Load() {
		return nil
	}
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return err
	}
	if err := monitor.Cont(ctx); err != nil {
		return err
	}
	if g.fenced.Load() { // it expired meanwhile, and its own stop may have come before our cont
		g.halt(ctx)
		return ErrFenced
	}
	return nil
}

// resume lets a paused or fenced guest run again, when epoch is the current one and the fence is renewed. A newer epoch is looked up in
// spec.json, which the executor has written before, and the volumes are served anew under it.
func (g *guard) resume(ctx context.Context, epoch uint64) error {
	g.resumeMu.Lock()
	defer g.resumeMu.Unlock()
	if err := g.checkEpoch(epoch); err != nil {
		return err
	}
	g.mu.Lock()
	proc, disks := g.proc, g.disks
	g.mu.Unlock()
	if proc == nil || g.board.get().Over() {
		return ErrNotRunning
	}
	for _, d := range disks {
		d.forgive()
	}
	if err := g.liftFence(); err != nil {
		return err
	}
	if g.board.get().Frozen {
		if err := proc.signal(syscall.SIGCONT); err != nil {
			return err
		}
	}
	g.userPaused.Store(false)
	g.board.update(func(s *Status) { s.Fenced, s.Frozen, s.PausedByRequest = false, false, false })
	if err := g.cont(ctx); err != nil {
		return err
	}
	g.ports.openAll(g.mayRun)
	return nil
}

// liftFence fails when the deadline is over by now; one that passes later finds the fence lifted and raises it again.
func (g *guard) liftFence() error {
	g.fenceMu.Lock()
	defer g.fenceMu.Unlock()
	if g.fence.passed() {
		return fmt.Errorf("%w: renew it before resuming", ErrFenced)
	}
	g.fenced.Store(false)
	return nil
}

func (g *guard) mayRun() bool { return !g.fenced.Load() }

// checkEpoch compares with the epoch known here and takes over a newer one from the spec.
func (g *guard) checkEpoch(epoch uint64) error {
	g.mu.Lock()
	spec, disks := g.spec, g.disks
	g.mu.Unlock()
	if epoch < spec.Epoch {
		return fmt.Errorf("%w: %d, the guest has %d", ErrStaleEpoch, epoch, spec.Epoch)
	}
	if epoch == spec.Epoch {
		return nil
	}
	next, err := ReadSpec(g.dir)
	if err != nil {
		return fmt.Errorf("read spec for epoch %d: %w", epoch, err)
	}
	if next.Epoch != epoch || next.RunID != spec.RunID {
		return fmt.Errorf("%w: asked for epoch %d, the spec has %d of run %s", ErrEpochUnknown, epoch, next.Epoch, next.RunID)
	}
	epochs := map[string]uint64{}
	for _, v := range next.Volumes {
		epochs[v.ID] = v.Epoch
	}
	g.mu.Lock()
	g.spec.Epoch, g.spec.Volumes = next.Epoch, next.Volumes // nothing else of a running guest changes
	g.mu.Unlock()
	g.board.update(func(s *Status) { s.Epoch = epoch })
	for _, d := range disks {
		if e, ok := epochs[d.volume]; ok {
			d.claim(e)
		}
	}
	return nil
}
