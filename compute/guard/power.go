// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

// killTimeout is how long QEMU may take to quit before it is killed.
const killTimeout = 3 * time.Second

// powerdown presses the power button and arms the end by force. Each call presses again and sets the deadline anew: some guests want the
// button twice, and an impatient caller may shorten the grace.
func (g *guard) powerdown(ctx context.Context, grace time.Duration) error {
	if grace < 0 {
		return fmt.Errorf("%w: grace %v", ErrInvalid, grace)
	}
	if grace == 0 {
		g.mu.Lock()
		grace = g.spec.grace()
		g.mu.Unlock()
	}
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return err
	}
	// The deadline comes first: it must stand even when QEMU does not answer.
	var at int64
	if grace > 0 {
		if at, err = g.power.setIn(grace); err != nil {
			return err
		}
	}
	g.board.update(func(s *Status) { s.PowerdownAt, s.PowerdownDeadline = time.Now().UTC(), at })
	return monitor.Powerdown(ctx)
}

// onGraceOver ends a guest that did not obey the button.
func (g *guard) onGraceOver(ctx context.Context) {
	g.log.Warn("guest did not power off in time, ending it by force")
	g.mu.Lock()
	g.forced = true
	g.mu.Unlock()
	if err := g.power.set(0); err != nil {
		g.log.Error("power timer", "error", err)
	}
	if err := g.quit(ctx); err != nil && !errors.Is(err, ErrNotRunning) {
		g.log.Error("guest not ended", "error", err)
	}
}

// quit ends QEMU at once: the guest's plug is pulled. Before QEMU is up it ends the start instead.
func (g *guard) quit(ctx context.Context) error {
	g.mu.Lock()
	proc, abort := g.proc, g.abort
	g.mu.Unlock()
	if g.board.get().Over() {
		return nil
	}
	if proc == nil {
		abort()
		return nil
	}
	err := errFrozen
	if !g.board.get().Frozen {
		err = g.quitPolitely(ctx, proc)
	}
	if err == nil {
		return nil
	}
	g.log.Warn("qemu does not quit, killing it", "because", err)
	g.noteExit(Exit{Cause: CauseHostQuit, Detail: "killed, because it did not quit", At: time.Now().UTC(), Code: -1})
	if err := proc.signal(syscall.SIGKILL); err != nil {
		return err
	}
	select {
	case <-proc.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("qemu was killed and has not gone: %w", ctx.Err())
	}
}

var errFrozen = errors.New("its process stands still")

// quitPolitely lets QEMU close its disks and say why it ends.
func (g *guard) quitPolitely(ctx context.Context, proc *process) error {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return err
	}
	if err := monitor.Quit(ctx); err != nil {
		return err
	}
	select {
	case <-proc.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reset presses the reset button. A guest that stands still after a panic runs again, as a machine does.
func (g *guard) reset(ctx context.Context) error {
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return err
	}
	if g.fenced.Load() {
		return ErrFenced
	}
	panicked := g.board.get().Reason == ReasonPanic
	if err := monitor.Reset(ctx); err != nil {
		return err
	}
	if panicked {
		return g.cont(ctx)
	}
	return nil
}

// pause stops the guest until resume.
func (g *guard) pause(ctx context.Context) error {
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return err
	}
	g.userPaused.Store(true)
	g.board.update(func(s *Status) { s.PausedByRequest = true })
	return monitor.Stop(ctx)
}

// screendump returns the guest's display as PNG.
func (g *guard) screendump(ctx context.Context) ([]byte, error) {
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return nil, err
	}
	g.screenMu.Lock()
	defer g.screenMu.Unlock()
	path := qemu.PathsIn(g.vmDir).Screen
	if err := removeIfThere(path); err != nil {
		return nil, err
	}
	defer os.Remove(path)
	if err := monitor.Screendump(ctx, path); err != nil {
		return nil, err
	}
	const most = 64 << 20 // an 8K display without compression has 130 MB, and PNG compresses
	png, err := tail(path, most)
	if err == nil && len(png) == 0 {
		err = errors.New("screen dump is empty")
	}
	return png, err
}

// setLimits changes a disk's limits until QEMU ends.
func (g *guard) setLimits(ctx context.Context, volume string, limits qemu.Limits) error {
	if err := limits.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	known := false
	for _, d := range g.board.get().Disks {
		known = known || d.VolumeID == volume
	}
	if !known {
		return fmt.Errorf("%w: %q", ErrUnknownVolume, volume)
	}
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return err
	}
	return monitor.SetLimits(ctx, volume, limits)
}

// close lets the guard leave once the guest is down.
func (g *guard) close(ctx context.Context) error {
	if s := g.board.get(); s.Exit != nil && !s.Over() { // QEMU is on its way out
		for !s.Over() && ctx.Err() == nil {
			s = g.board.wait(ctx, s.Version)
		}
	}
	if !g.board.get().Over() {
		return ErrRunning
	}
	g.closeOnce.Do(func() { close(g.closing) })
	return nil
}
