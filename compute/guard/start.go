// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
	"github.com/hivecloud/hive/compute/qmp"
)

const (
	// serveTimeout bounds the wait for a block daemon at the start of a guest.
	serveTimeout = 60 * time.Second
	// connectTimeout bounds the time from QEMU's start to its QMP greeting. It is spent on busy hosts only.
	connectTimeout = 2 * time.Minute
	// portAttempts: a free loopback port may be taken by somebody else before QEMU binds it.
	portAttempts = 5
)

// errForward is a start that failed because a loopback port was taken meanwhile.
var errForward = errors.New("a forwarded port is taken")

// start brings up a new run. lock is the lock that QEMU inherits.
func (g *guard) start(ctx context.Context, lock *os.File) error {
	if err := g.prepareDir(); err != nil {
		return fmt.Errorf("prepare directory: %w", err)
	}
	if err := g.serveDisks(ctx); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := g.launch(ctx, lock)
		if errors.Is(err, errForward) && attempt < portAttempts {
			g.log.Info("forwarded port was taken, choosing others", "attempt", attempt)
			continue
		}
		return err
	}
}

// prepareDir makes what QEMU needs and removes what an earlier run left.
func (g *guard) prepareDir() error {
	spec := g.spec
	if err := os.MkdirAll(g.vmDir, 0o700); err != nil {
		return err
	}
	if err := giveTo(g.vmDir, spec.RunAs); err != nil {
		return err
	}
	if os.Geteuid() == 0 && spec.RunAs != nil {
		if err := os.Chmod(g.dir, 0o711); err != nil { // QEMU passes through to vm/ and its sockets, and reads nothing
			return err
		}
		if err := giveTo(spec.Guest.SeedPath, spec.RunAs); spec.Guest.SeedPath != "" && err != nil {
			return err
		}
	}
	paths := qemu.PathsIn(g.vmDir)
	for _, p := range []string{paths.QMP, paths.QMPSpare, paths.Serial, paths.PID, paths.Screen, filepath.Join(g.vmDir, tpmSocketName)} {
		if err := removeIfThere(p); err != nil {
			return err
		}
	}
	if spec.Guest.UEFI != nil {
		if err := copyNew(filepath.Join(g.vmDir, uefiVarsName), spec.UEFIVars, spec.RunAs); err != nil {
			return fmt.Errorf("copy uefi variables: %w", err)
		}
	}
	return nil
}

// serveDisks lets the block daemon serve every disk and waits for it: QEMU opens its disks when it starts.
func (g *guard) serveDisks(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, serveTimeout)
	defer cancel()
	disks, err := g.listenDisks()
	if err != nil {
		return err
	}
	for _, d := range disks {
		if err := d.waitServed(ctx); err != nil {
			return fmt.Errorf("volume %s is not served: %w", d.volume, err)
		}
	}
	return nil
}

// listenDisks makes the listening sockets and starts a server for each.
func (g *guard) listenDisks() ([]*diskServer, error) {
	client := g.disksOf(g.spec.BlockSocket)
	epochs := map[string]uint64{}
	for _, v := range g.spec.Volumes {
		epochs[v.ID] = v.Epoch
	}
	var disks []*diskServer
	var statuses []DiskStatus
	for _, d := range g.spec.Guest.Disks {
		l, err := listenFile(diskSocket(g.dir, d.Slot), g.spec.RunAs)
		if err != nil {
			return nil, fmt.Errorf("listen for disk %s: %w", d.VolumeID, err)
		}
		disks = append(disks, newDiskServer(client, d.VolumeID, epochs[d.VolumeID], l, g))
		statuses = append(statuses, DiskStatus{VolumeID: d.VolumeID, Epoch: epochs[d.VolumeID]})
	}
	g.board.update(func(s *Status) { s.Disks = statuses })
	g.mu.Lock()
	g.disks = disks
	g.mu.Unlock()
	for _, d := range disks {
		d.begin()
	}
	return disks, nil
}

// launch starts QEMU once and connects to it.
func (g *guard) launch(ctx context.Context, lock *os.File) error {
	if err := g.awaitFence(ctx); err != nil {
		return err
	}
	forwards, err := freePorts(len(g.spec.Ports))
	if err != nil {
		return fmt.Errorf("choose loopback ports: %w", err)
	}
	args, err := qemu.Args(g.spec.machine(g.dir, forwards))
	if err != nil {
		return err
	}
	if g.spec.TPM {
		if err := g.tpm.start(ctx, g.spec); err != nil {
			return fmt.Errorf("start tpm: %w", err)
		}
	}
	g.board.update(func(s *Status) { // before QEMU is there: a guard after us could not ask it
		s.Ports = nil
		for i, p := range g.spec.Ports {
			s.Ports = append(s.Ports, PortStatus{Port: p, Forward: forwards[i]})
		}
	})
	if err := g.awaitFence(ctx); err != nil {
		return err
	}
	proc, err := g.startQEMU(args, lock)
	if err != nil {
		return fmt.Errorf("start qemu: %w", err)
	}
	g.started(proc)
	g.fenceNewborn(ctx)
	client, err := g.connect(ctx, proc)
	if err == nil {
		g.firstConnection(client)
		return nil
	}
	g.killLeftover()
	g.mu.Lock()
	g.proc = nil
	logFrom := g.logFrom
	g.mu.Unlock()
	g.board.update(func(s *Status) { s.PID, s.PIDStart = 0, 0 })
	said := qemuSaid(filepath.Join(g.dir, qemuLogName), logFrom)
	if strings.Contains(said, "Could not set up host forwarding rule") {
		return errForward
	}
	return fmt.Errorf("%w: %s", err, said)
}

// startQEMU starts the process, which appends what it says to qemu.log and holds the lock as long as it lives.
func (g *guard) startQEMU(args []string, lock *os.File) (*process, error) {
	output, err := os.OpenFile(filepath.Join(g.dir, qemuLogName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	before, err := output.Stat()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.logFrom = before.Size()
	g.mu.Unlock()
	cmd := exec.Command(orDefault(g.spec.QEMUBinary, "qemu-system-x86_64"), args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = detached(g.spec.RunAs)
	return startProcess(cmd)
}

// detached gives a process its own session, so that nothing that happens to the guard's terminal or group reaches it, and its user.
func detached(runAs *RunAs) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if runAs != nil && os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: runAs.UID, Gid: runAs.GID, Groups: runAs.Groups}
	}
	return attr
}

// started records a QEMU at once, before it can do anything: a guard after us must find it.
func (g *guard) started(proc *process) {
	g.mu.Lock()
	g.proc = proc
	g.mu.Unlock()
	g.log.Info("qemu started", "pid", proc.pid)
	g.board.update(func(s *Status) {
		s.PID, s.PIDStart, s.StartedAt, s.Boots = proc.pid, proc.startTicks, time.Now().UTC(), 1
	})
}

// connect dials QMP until QEMU answers, and checks that it is our guest.
func (g *guard) connect(ctx context.Context, proc *process) (*qmp.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	path := qemu.PathsIn(g.vmDir).QMP
	var last error
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		client, err := qmp.Dial(ctx, path)
		if err == nil {
			if err = g.checkIdentity(ctx, client); err == nil {
				return client, nil
			}
			return nil, errors.Join(err, client.Close())
		}
		last = err
		select {
		case <-proc.done:
			return nil, fmt.Errorf("qemu ended at once (code %d)", proc.exit.code)
		case <-ctx.Done():
			return nil, fmt.Errorf("qemu does not answer: %w", errors.Join(ctx.Err(), last))
		case <-time.After(pause):
		}
	}
}

func (g *guard) checkIdentity(ctx context.Context, client *qmp.Client) error {
	id, err := qemu.NewMonitor(client).Identity(ctx)
	if err != nil {
		return err
	}
	want := qemu.Identity{Name: g.spec.Guest.InstanceID, UUID: g.spec.Guest.UUID}
	if id != want {
		return fmt.Errorf("qemu is %s (%s) instead of %s (%s)", id.Name, id.UUID, want.Name, want.UUID)
	}
	return nil
}

// qemuSaid is what QEMU has printed from offset on, shortened to its last lines.
func qemuSaid(path string, offset int64) string {
	text, err := os.ReadFile(path)
	if err != nil || int64(len(text)) <= offset {
		return "qemu printed nothing"
	}
	const limit = 1000
	said := strings.TrimSpace(string(text[offset:]))
	return strings.ToValidUTF8(said[max(0, len(said)-limit):], "?")
}

// freePorts finds loopback ports that are free now. They are held together while searching, so that they differ.
func freePorts(n int) ([]uint16, error) {
	var ports []uint16
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, uint16(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

func orDefault(value, preset string) string {
	if value == "" {
		return preset
	}
	return value
}
