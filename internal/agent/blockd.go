// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Times of the block daemon's watch.
const (
	blockdWatch   = 500 * time.Millisecond // guests may wait for a restarted daemon two seconds at most
	blockdStart   = 15 * time.Second
	blockdStop    = 30 * time.Second
	blockdLogMode = 0o600
)

// blockDaemon starts and watches the node's block daemon. The daemon is a process of its own: it goes on when the agent
// ends, and the next agent finds it by its socket.
type blockDaemon struct {
	exe    string
	args   []string
	socket string
	pid    string // pid file, written by the agent that started it
	logs   string
	ping   func(ctx context.Context) error
	log    hclog.Logger

	mu      sync.Mutex
	stopped bool // the node is drained: the daemon stays down
}

// run keeps the daemon up until the context ends, and leaves it up.
func (d *blockDaemon) run(ctx context.Context) error {
	d.mu.Lock()
	d.stopped = false
	d.mu.Unlock()
	for {
		if err := d.ensure(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("block daemon is down, guests' disks wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(blockdWatch):
		}
	}
}

// ensure starts the daemon when nobody answers.
func (d *blockDaemon) ensure(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped || d.ping(ctx) == nil {
		return nil
	}
	if pid := d.alive(); pid != 0 {
		return fmt.Errorf("process %d does not answer on %s yet", pid, d.socket)
	}
	d.log.Info("starting block daemon")
	if err := d.start(); err != nil {
		return err
	}
	deadline := time.Now().Add(blockdStart)
	for d.ping(ctx) != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) || d.alive() == 0 {
			return fmt.Errorf("it did not start: see %s", d.logs)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

func (d *blockDaemon) start() error {
	for _, dir := range []string{filepath.Dir(d.logs), filepath.Dir(d.socket)} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("make directory of block daemon: %w", err)
		}
	}
	logs, err := os.OpenFile(d.logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, blockdLogMode)
	if err != nil {
		return fmt.Errorf("open log of block daemon: %w", err)
	}
	defer logs.Close()
	cmd := exec.Command(d.exe, d.args...)
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a signal to the agent's group is not for it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start block daemon: %w", err)
	}
	if err := os.WriteFile(d.pid, fmt.Appendf(nil, "%d\n", cmd.Process.Pid), blockdLogMode); err != nil {
		return errors.Join(fmt.Errorf("write pid of block daemon: %w", err), cmd.Process.Kill())
	}
	// Reap it if it ends before the agent does. Nobody waits for this goroutine at shutdown: the daemon outlives the agent.
	go func() {
		if err := cmd.Wait(); err != nil {
			d.log.Warn("block daemon ended", "error", err)
		}
	}()
	return nil
}

// alive is the daemon's pid, or 0 when it does not run.
func (d *blockDaemon) alive() int {
	b, err := os.ReadFile(d.pid)
	if err != nil {
		return 0
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil || pid <= 1 {
		return 0
	}
	// A pid may have been given to another program since: its executable tells.
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || filepath.Base(strings.TrimSuffix(exe, " (deleted)")) != filepath.Base(d.exe) { // deleted: an upgrade replaced it
		return 0
	}
	return pid
}

// stop ends the daemon in order: it flushes its volumes on SIGTERM.
func (d *blockDaemon) stop(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	pid := d.alive()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop block daemon: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, blockdStop)
	defer cancel()
	for d.alive() != 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop block daemon: process %d did not end within %s", pid, blockdStop)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return os.Remove(d.pid)
}
