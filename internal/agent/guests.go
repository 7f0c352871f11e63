// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/compute/guard"
	"github.com/hivecloud/hive/compute/qemu"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/vfs"
)

// seedName is a guest's NoCloud seed image in its directory.
const seedName = "seed.iso"

// guests are this node's guards, as the executor sees them: one directory an instance, below guests/.
type guests struct {
	dir         string
	exe         string
	blockSocket string
	machine     machine
	logLevel    string
}

var _ executor.Guests = (*guests)(nil)

// newGuests finds out how guests are run here; it starts nothing.
func newGuests(c *config.Config, at layout, h host, exe string) (*guests, error) {
	if err := os.MkdirAll(at.guests(), 0o711); err != nil {
		return nil, fmt.Errorf("make directory of guests: %w", err)
	}
	m, err := newMachine(c, h, at.guests())
	if err != nil {
		return nil, err
	}
	return &guests{dir: at.guests(), exe: exe, blockSocket: at.blockSocket(), machine: m, logLevel: c.Log.Level}, nil
}

func (g *guests) path(instance string) string { return filepath.Join(g.dir, instance) }

// Launch writes the guest's seed and spec and starts its guard.
func (g *guests) Launch(ctx context.Context, l executor.Launch) (executor.Guest, error) {
	dir := g.path(l.InstanceID)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("make directory of guest: %w", err)
	}
	seed := filepath.Join(dir, seedName)
	// The seed may hold secrets in its user data: only the user that QEMU runs as may read it.
	if err := vfs.WriteFileAtomic(vfs.OS(), seed, l.Seed, 0o600); err != nil {
		return nil, fmt.Errorf("write seed of guest: %w", err)
	}
	if as := g.machine.runAs; as != nil {
		if err := os.Chown(seed, int(as.UID), int(as.GID)); err != nil {
			return nil, fmt.Errorf("hand seed to the guest's user: %w", err)
		}
	}
	spec, err := g.machine.spec(l, seed)
	if err != nil {
		return nil, err
	}
	spec.BlockSocket, spec.FenceDeadline = g.blockSocket, int64(l.Fence)
	return g.run(ctx, dir, spec)
}

// run starts a new run of a guest.
func (g *guests) run(ctx context.Context, dir string, spec guard.Spec) (*guest, error) {
	spec.RunID = newID("run-")
	if err := guard.WriteSpec(dir, spec); err != nil {
		return nil, err
	}
	if err := g.spawn(ctx, dir); err != nil {
		return nil, err
	}
	return &guest{g: g, dir: dir, client: guard.Dial(dir)}, nil
}

func (g *guests) spawn(ctx context.Context, dir string) error {
	return guard.Spawn(ctx, g.exe, []string{"guard", "--dir", dir, "--log-level", g.logLevel}, dir)
}

// Adopt finds the guard of an instance, or starts one for what a guard that died left.
func (g *guests) Adopt(ctx context.Context, instance string) (executor.Guest, bool, error) {
	dir := g.path(instance)
	if !guard.Present(dir) {
		return nil, false, nil
	}
	client := guard.Dial(dir)
	if _, err := client.Status(ctx); err != nil {
		if !errors.Is(err, guard.ErrUnreachable) {
			return nil, false, err
		}
		if err := g.spawn(ctx, dir); err != nil {
			return nil, false, err
		}
	}
	return &guest{g: g, dir: dir, client: client}, true, nil
}

// List names the instances that have a directory here.
func (g *guests) List() ([]executor.Remains, error) {
	entries, err := os.ReadDir(g.dir)
	if err != nil {
		return nil, fmt.Errorf("list guests: %w", err)
	}
	var out []executor.Remains
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), "i-") {
			out = append(out, executor.Remains{InstanceID: e.Name(), Guard: guard.Present(g.path(e.Name()))})
		}
	}
	return out, nil
}

// Console is the end of the serial log; it answers for stopped guests too.
func (g *guests) Console(instance string, limit int) ([]byte, time.Time, error) {
	c, err := guard.ReadConsole(g.path(instance), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read serial log: %w", err)
	}
	return c.Text, c.At, nil
}

// CopyConsole copies the serial log from an offset on and returns the offset of its end. A log that was cut meanwhile
// is copied from its new beginning.
func (g *guests) CopyConsole(w io.Writer, instance string, from int64) (int64, error) {
	f, err := guard.OpenConsole(g.path(instance))
	if errors.Is(err, fs.ErrNotExist) {
		return from, nil
	}
	if err != nil {
		return from, fmt.Errorf("open serial log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return from, fmt.Errorf("read serial log: %w", err)
	}
	if info.Size() < from {
		from = 0
	}
	n, err := io.Copy(w, io.NewSectionReader(f, from, info.Size()-from))
	return from + n, err
}

// Remove removes what is left of an instance whose guard has ended.
func (g *guests) Remove(instance string, keepConsole bool) error {
	dir := g.path(instance)
	if guard.Present(dir) {
		if _, err := guard.Dial(dir).Status(context.Background()); err == nil {
			return fmt.Errorf("remove guest %s: its guard is still there", instance)
		}
	}
	if !keepConsole {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove guest %s: %w", instance, err)
		}
		return nil
	}
	if err := guard.Clear(dir); err != nil {
		return fmt.Errorf("remove guest %s: %w", instance, err)
	}
	if err := os.Remove(filepath.Join(dir, seedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove seed of guest %s: %w", instance, err)
	}
	return nil
}

// PIDs are the processes of a guest; 0 for one that does not run.
func (g *guests) PIDs(instance string) (guardPID, qemuPID int) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	st, err := guard.Dial(g.path(instance)).Status(ctx)
	if err != nil {
		return 0, 0
	}
	return st.GuardPID, st.PID
}

// processes are the guards that answer.
func (g *guests) processes() []admin.Process {
	left, err := g.List()
	if err != nil {
		return nil
	}
	var out []admin.Process
	for _, r := range left {
		if pid, _ := g.PIDs(r.InstanceID); pid != 0 {
			out = append(out, admin.Process{Kind: "guard", Name: r.InstanceID, PID: pid})
		}
	}
	return out
}

// guest is one guard as the executor sees it.
type guest struct {
	g      *guests
	dir    string
	client *guard.Client
}

var _ executor.Guest = (*guest)(nil)

// Status asks, or waits for a change.
func (g *guest) Status(ctx context.Context, known uint64) (executor.Status, error) {
	for {
		st, err := g.ask(ctx, known)
		if err != nil {
			return executor.Status{}, err
		}
		if known == 0 || st.Version != known {
			return statusOf(st), nil
		}
		if ctx.Err() != nil {
			return executor.Status{}, ctx.Err()
		}
	}
}

func (g *guest) ask(ctx context.Context, known uint64) (guard.Status, error) {
	if known == 0 {
		return g.client.Status(ctx)
	}
	return g.client.Wait(ctx, known)
}

// statusOf puts a guard's status in the executor's words.
func statusOf(st guard.Status) executor.Status {
	out := executor.Status{Version: st.Version, Epoch: st.Epoch, Phase: phaseOf(st), Reason: st.Detail}
	if st.Exit != nil {
		out.Reason = strings.TrimSpace(string(st.Exit.Cause) + " " + st.Exit.Detail)
	}
	for _, p := range st.Ports {
		if p.Bound != 0 {
			out.Ports = append(out.Ports, portOf(p))
		}
	}
	return out
}

func phaseOf(st guard.Status) executor.Phase {
	switch st.Phase {
	case guard.PhaseStarting:
		return executor.Starting
	case guard.PhaseRunning:
		return executor.Up
	case guard.PhaseFailed:
		return executor.Failed
	case guard.PhasePaused:
		switch st.Reason {
		case guard.ReasonFence:
			return executor.Fenced
		case guard.ReasonPanic:
			return executor.Panicked
		}
		return executor.Held
	}
	if st.Exit == nil {
		return executor.Died
	}
	switch st.Exit.Cause {
	case guard.CauseGuestShutdown:
		return executor.Off
	case guard.CauseHostQuit, guard.CauseHostSignal:
		return executor.Gone
	}
	return executor.Died
}

// Renew moves the fence deadline, or takes it away.
func (g *guest) Renew(ctx context.Context, until time.Duration) error {
	if until == 0 {
		return g.client.Renew(ctx, 0)
	}
	return g.client.RenewUntil(ctx, until)
}

// Powerdown presses the power button; the executor watches the grace.
func (g *guest) Powerdown(ctx context.Context) error { return g.client.Powerdown(ctx, 0) }

// Reset resets a guest that runs. One that has powered itself off has no hypervisor any more: it is run anew.
func (g *guest) Reset(ctx context.Context) error {
	st, err := g.client.Status(ctx)
	if err != nil {
		return err
	}
	if !st.Over() {
		return g.client.Reset(ctx)
	}
	spec, err := guard.ReadSpec(g.dir)
	if err != nil {
		return err
	}
	spec.FenceDeadline = guard.FenceDeadline(g.dir) // before Close, which removes it
	if err := g.client.Close(ctx); err != nil {
		return err
	}
	_, err = g.g.run(ctx, g.dir, spec)
	return err
}

// Resume lets a fenced guest run again.
func (g *guest) Resume(ctx context.Context, epoch uint64) error {
	return g.client.Resume(ctx, epoch)
}

// Quit ends the hypervisor.
func (g *guest) Quit(ctx context.Context) error { return g.client.Quit(ctx) }

// Close ends the guard.
func (g *guest) Close(ctx context.Context) error { return g.client.Close(ctx) }

// Screen is the guest's display.
func (g *guest) Screen(ctx context.Context) ([]byte, error) { return g.client.Screendump(ctx) }

// Usage is what the guest has used.
func (g *guest) Usage(ctx context.Context) (executor.Usage, error) {
	st, err := g.client.Stats(ctx)
	if err != nil {
		return executor.Usage{}, err
	}
	out := executor.Usage{CPU: time.Duration(st.CPUSeconds * float64(time.Second)), NetIn: st.PortTraffic.In, NetOut: st.PortTraffic.Out,
		Volumes: map[string]executor.VolumeUsage{}}
	for volume, d := range st.Disks {
		addDisk(&out, d)
		out.Volumes[volume] = executor.VolumeUsage{ReadOps: d.ReadOps, WriteOps: d.WriteOps, ReadBytes: d.ReadBytes, WriteBytes: d.WriteBytes,
			ReadTime: time.Duration(d.ReadNanos), WriteTime: time.Duration(d.WriteNanos)}
	}
	return out, nil
}

func addDisk(u *executor.Usage, d qemu.DiskStats) {
	u.ReadOps += uint64(d.ReadOps)
	u.WriteOps += uint64(d.WriteOps)
	u.ReadBytes += uint64(d.ReadBytes)
	u.WriteBytes += uint64(d.WriteBytes)
}
