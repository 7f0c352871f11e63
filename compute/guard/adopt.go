// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

// adoptTimeout bounds the search for the QEMU that holds qemu.lock: between fork and exec it has no command line yet.
const adoptTimeout = 30 * time.Second

// errOrphan: something holds the lock that only QEMU inherits, and cannot be found.
var errOrphan = errors.New("a qemu of this directory lives (" + qemuLockName + " is held), but its process is not found")

// adopt takes over the QEMU that an earlier guard has started. Its disks keep their connections; new listeners are for the next time
// that a block daemon restarts.
func (g *guard) adopt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	proc, err := g.findOrphan(ctx)
	if err != nil {
		return err
	}
	if proc == nil { // it died while we looked
		g.vanished(g.board.get())
		return nil
	}
	g.mu.Lock()
	g.proc = proc
	g.mu.Unlock()
	g.board.update(func(s *Status) {
		s.PID, s.PIDStart = proc.pid, proc.startTicks
		s.Adopted++
		if s.StartedAt.IsZero() { // the guard before died between starting QEMU and writing it down
			s.StartedAt, s.Boots = time.Now().UTC(), 1
		}
		for i := range s.Ports {
			s.Ports[i].Error = ""
		}
	})
	g.log.Info("qemu adopted", "pid", proc.pid)
	g.ports.guest.note() // the guard before may have been told
	status := g.board.get()
	g.fenced.Store(status.Fenced)
	g.userPaused.Store(status.PausedByRequest)
	if err := g.power.set(status.PowerdownDeadline); err != nil {
		return err
	}
	if _, err := g.listenDisks(); err != nil {
		// The guest can live without listeners until the block daemon restarts; failing here would kill it.
		g.log.Error("disk sockets of the adopted guest", "error", err)
	}
	client, err := g.connect(ctx, proc)
	if err != nil && proc.isGone() {
		g.exited(ctx, proc)
		return nil
	}
	if err != nil {
		// A QEMU that hangs, or stands still by SIGSTOP, is still our guest: go on watching it, and dial again in watch.
		g.log.Warn("adopted qemu does not answer yet", "error", err)
		return nil
	}
	g.firstConnection(client)
	return nil
}

// findOrphan returns nil without an error when the lock is free after all.
func (g *guard) findOrphan(ctx context.Context) (*process, error) {
	pidFile := qemu.PathsIn(g.vmDir).PID
	same := func(pid int) bool { return isQEMU(pid, pidFile, g.spec.RunAs) }
	for {
		if pid, ok := findQEMU(pidFile, g.spec.RunAs); ok {
			proc, err := adoptProcess(pid, same)
			if err == nil {
				return proc, nil
			}
			g.log.Debug("candidate is not our qemu", "pid", pid, "error", err)
		}
		lock, free, err := lockFile(g.dir, qemuLockName)
		if err != nil {
			return nil, err
		}
		if free {
			return nil, lock.Close()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(errOrphan, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
