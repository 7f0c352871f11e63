// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/compute/qemu"
	"github.com/hivecloud/hive/compute/qmp"
)

// Config is what Run needs besides the spec in its directory.
type Config struct {
	// Dir is the run directory of one instance; it has a spec.json.
	Dir string
	// Logger defaults to none.
	Logger hclog.Logger
	// Disks speaks to the block daemon behind the spec's BlockSocket; nil means BlockDaemon.
	Disks func(blockSocket string) Disks
}

// lockPatience is how long a new guard waits for the one before it to leave the directory.
const lockPatience = 5 * time.Second

// guard is one running guard. Fields without a comment are set once before the goroutines start.
type guard struct {
	dir     string
	vmDir   string
	log     hclog.Logger
	disksOf func(string) Disks

	board *board
	fence *deadline // of the lease
	power *deadline // of Powerdown's grace
	ports *portSet
	tpm   *tpm
	// fenced mirrors Status.Fenced, and is set before anything else when the fence expires. userPaused mirrors PausedByRequest.
	fenced, userPaused atomic.Bool
	// fenceMu makes "the deadline has passed" and a change of fenced one step.
	fenceMu sync.Mutex

	// closing is closed when the guard is asked to leave for good.
	closing   chan struct{}
	closeOnce sync.Once
	// abort ends a start that is under way.
	abort context.CancelFunc

	wg sync.WaitGroup // the goroutines that live as long as the guard

	// resumeMu serialises Resume, which may reload the spec and serve volumes anew.
	resumeMu sync.Mutex
	// screenMu: there is one name for a screen dump.
	screenMu sync.Mutex

	client  *qmp.Client // handed from the start to the watcher
	ioError ioError     // the watcher's own

	mu      sync.Mutex
	spec    Spec          // only Epoch and Volumes change, by Resume
	proc    *process      // nil until QEMU was started or adopted
	monitor *qemu.Monitor // nil while there is no QMP connection
	ready   chan struct{} // closed while monitor is set
	disks   []*diskServer
	forced  bool  // Powerdown's grace was over
	logFrom int64 // where this QEMU's part of qemu.log begins
}

// Run runs the guard of cfg.Dir until Client.Close, or until ctx ends. The end of ctx leaves QEMU running, for the next guard to adopt.
// SIGTERM, SIGINT and SIGHUP are ignored while it runs: only the control API ends a guest.
func Run(ctx context.Context, cfg Config) error {
	logger := cfg.Logger
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	defer ignoreSignals(logger)()
	lock, err := lockDir(ctx, cfg.Dir)
	if err != nil {
		return fmt.Errorf("guard %s: %w", cfg.Dir, err)
	}
	defer lock.Close()
	g, err := newGuard(cfg, logger)
	if err != nil {
		return fmt.Errorf("guard %s: %w", cfg.Dir, err)
	}
	if err := g.run(ctx); err != nil {
		return fmt.Errorf("guard %s: %w", cfg.Dir, err)
	}
	return nil
}

// lockDir makes this the only guard of the directory.
func lockDir(ctx context.Context, dir string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		f, ok, err := lockFile(dir, guardLockName)
		if ok || err != nil {
			return f, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ErrBusy
		}
	}
}

// ignoreSignals keeps polite signals from ending the guard: a service manager that stops the agent's group, or a Ctrl-C in the terminal
// of a quickstart, must not take the guest's keeper away. QEMU outlives even a kill -9 of the guard.
func ignoreSignals(logger hclog.Logger) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case s := <-signals:
				logger.Warn("signal ignored: only the control socket ends a guest", "signal", s.String())
			case <-ended:
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(ended)
		wg.Wait()
	}
}

// newGuard reads what the directory says.
func newGuard(cfg Config, logger hclog.Logger) (*guard, error) {
	spec, err := ReadSpec(cfg.Dir)
	if err != nil {
		return nil, err
	}
	boot, err := hostBoot()
	if err != nil {
		return nil, fmt.Errorf("read boot id: %w", err)
	}
	g := &guard{
		dir: cfg.Dir, vmDir: filepath.Join(cfg.Dir, vmDirName), log: logger.With("instance", spec.Guest.InstanceID),
		disksOf: cfg.Disks, spec: spec, closing: make(chan struct{}), ready: make(chan struct{}),
	}
	if g.disksOf == nil {
		g.disksOf = BlockDaemon
	}
	status := Status{InstanceID: spec.Guest.InstanceID, RunID: spec.RunID, Epoch: spec.Epoch, Phase: PhaseStarting, HostBoot: boot, GuardPID: os.Getpid()}
	before, err := readState(cfg.Dir)
	if err != nil {
		g.log.Warn("state of the guard before is not readable", "error", err)
	}
	if before != nil {
		status.Version = before.Version + 1
		if before.RunID == spec.RunID {
			status = *before
			status.Version++
			status.GuardPID = os.Getpid()
		}
	}
	g.board = newBoard(cfg.Dir, status, g.log)
	g.fence = &deadline{expired: g.onFence}
	g.power = &deadline{expired: g.onGraceOver}
	g.tpm = &tpm{dir: g.dir, vmDir: g.vmDir}
	g.ports = newPortSet(g.log.Named("ports"), g.board, g.forwarded)
	return g, nil
}

// readState returns what an earlier guard knew, nil when there was none.
func readState(dir string) (*Status, error) {
	var s Status
	err := readJSON(dir, stateName, &s)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// run serves the control API around one run of the guest.
func (g *guard) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer g.wg.Wait()
	defer cancel()
	if err := errors.Join(g.fence.open(), g.power.open()); err != nil {
		return err
	}
	g.wg.Go(func() { g.fence.run(ctx) })
	g.wg.Go(func() { g.power.run(ctx) })
	g.wg.Go(func() { g.rotateConsole(ctx) })
	if err := g.loadFence(); err != nil {
		return err
	}

	startCtx, abort := context.WithCancel(ctx)
	defer abort()
	g.mu.Lock()
	g.abort = abort
	g.mu.Unlock()
	api, err := g.serveAPI()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.stop()) }()
	if err := g.begin(startCtx); errors.Is(err, errOrphan) {
		return err // nothing is known about the guest, so nothing is written about it
	} else if err != nil && ctx.Err() != nil {
		g.leave()
		return nil
	} else if err != nil {
		g.failed(err)
	} else if ended := g.supervise(ctx); !ended {
		g.leave()
		return nil
	}
	select {
	case <-g.closing:
		g.removeSockets()
	case <-ctx.Done():
	}
	return nil
}

// begin brings the guest up: adopted when there is a QEMU already, started when its run is new, and otherwise reported as gone.
func (g *guard) begin(ctx context.Context) error {
	status := g.board.get()
	if status.Over() {
		return nil // an earlier guard saw the end of this run
	}
	lock, free, err := lockFile(g.dir, qemuLockName)
	if err != nil {
		return err
	}
	if !free {
		return g.adopt(ctx)
	}
	defer lock.Close() // QEMU holds it by inheritance
	if status.PID != 0 || status.Exit != nil {
		g.vanished(status)
		return nil
	}
	return g.start(ctx, lock)
}

// vanished ends a run whose QEMU died while no guard was there.
func (g *guard) vanished(status Status) {
	exit := status.Exit
	if exit == nil {
		exit = &Exit{Cause: CauseVanished, Detail: "qemu was gone when this guard came", At: time.Now().UTC(), Code: -1}
		if boot, err := hostBoot(); err == nil && boot != status.HostBoot {
			exit.Detail = "the host was restarted"
		}
	}
	g.log.Warn("guest is gone", "cause", string(exit.Cause), "detail", exit.Detail)
	g.board.update(func(s *Status) {
		s.Phase, s.Reason, s.Detail, s.Exit, s.PID, s.PIDStart = PhaseExited, "", "", exit, 0, 0
	})
}

// failed ends a run that never began.
func (g *guard) failed(cause error) {
	g.log.Error("guest did not start", "error", cause)
	g.ports.closeAll()
	g.killLeftover()
	g.tpm.stop()
	g.releaseDisks()
	g.board.update(func(s *Status) {
		s.Phase, s.Reason, s.Detail, s.PID, s.PIDStart = PhaseFailed, "", cause.Error(), 0, 0
		for i := range s.Ports {
			s.Ports[i].Bound = 0
		}
	})
}

// killLeftover makes sure that a start that failed halfway leaves no QEMU behind.
func (g *guard) killLeftover() {
	g.mu.Lock()
	proc := g.proc
	g.mu.Unlock()
	if proc == nil {
		return
	}
	if err := proc.signal(syscall.SIGKILL); err != nil {
		g.log.Error("qemu cannot be killed", "error", err)
		return
	}
	<-proc.done
	proc.leave()
}

// leave is the end of ctx: everything of this process ends, nothing of the guest does.
func (g *guard) leave() {
	g.log.Info("guard leaves, the guest stays")
	g.ports.closeAll()
	g.mu.Lock()
	proc, disks := g.proc, g.disks
	g.mu.Unlock()
	for _, d := range disks {
		d.abandon()
	}
	if proc != nil {
		proc.leave()
	}
	g.tpm.leave()
}

// removeSockets leaves behind what a person or the next run may want to read: spec, state, logs, variable store and TPM state.
func (g *guard) removeSockets() {
	paths := qemu.PathsIn(g.vmDir)
	names := []string{paths.QMP, paths.QMPSpare, paths.Serial, paths.PID, paths.Screen, filepath.Join(g.vmDir, tpmSocketName)}
	for _, d := range g.spec.Guest.Disks {
		names = append(names, diskSocket(g.dir, d.Slot))
	}
	for _, name := range append(names, filepath.Join(g.dir, fenceName)) {
		if err := removeIfThere(name); err != nil {
			g.log.Warn("file stays behind", "error", err)
		}
	}
}

// currentMonitor waits for the QMP connection, which is there except for moments, and fails when the guest is not up.
func (g *guard) currentMonitor(ctx context.Context) (*qemu.Monitor, error) {
	for {
		if s := g.board.get(); s.Over() || s.PID == 0 {
			return nil, ErrNotRunning
		}
		g.mu.Lock()
		monitor, ready := g.monitor, g.ready
		g.mu.Unlock()
		if monitor != nil {
			return monitor, nil
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, fmt.Errorf("qemu does not answer: %w", ctx.Err())
		}
	}
}

// setMonitor publishes a connection, or its loss by nil.
func (g *guard) setMonitor(m *qemu.Monitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m != nil {
		g.monitor = m
		close(g.ready)
		return
	}
	if g.monitor != nil {
		g.monitor, g.ready = nil, make(chan struct{})
	}
}

// forwarded asks QEMU for the connections through its forwarded ports.
func (g *guard) forwarded(ctx context.Context) (map[uint16][]string, error) {
	g.mu.Lock()
	m := g.monitor
	g.mu.Unlock()
	if m == nil {
		return nil, errors.New("no connection to qemu")
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return m.Forwarded(ctx)
}
