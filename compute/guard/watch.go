// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
	"github.com/hivecloud/hive/compute/qmp"
)

const (
	// commandTimeout bounds a QMP command; QEMU answers in microseconds unless its main loop hangs.
	commandTimeout = 10 * time.Second
	// resetWindow joins the resets of one reboot: firmware resets the machine once more some tenths of a second later.
	resetWindow = 5 * time.Second
	// retryFirst and retryMost are the pauses between attempts to continue after an I/O error.
	retryFirst = time.Second
	retryMost  = 2 * time.Second
	// releaseTimeout bounds the hand-back of volumes at the end; a block daemon that is down has nothing to flush anyway.
	releaseTimeout = 30 * time.Second
)

// supervise watches a guest that is up until it is gone (true) or ctx ends (false).
func (g *guard) supervise(ctx context.Context) (ended bool) {
	g.mu.Lock()
	proc := g.proc
	g.mu.Unlock()
	if g.board.get().Over() {
		return true
	}
	watchCtx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { g.watch(watchCtx, proc) })
	g.ports.openAll(g.mayRun)
	select {
	case <-ctx.Done():
		wg.Wait()
		return false
	case <-proc.done:
	}
	// QEMU's end closes the connection; the watcher first reads the events that say why.
	wg.Wait()
	g.exited(ctx, proc)
	return true
}

// firstConnection hands the connection of start or adopt to the watcher.
func (g *guard) firstConnection(client *qmp.Client) { g.client = client }

// watch reads events and keeps a connection until the process is gone.
func (g *guard) watch(ctx context.Context, proc *process) {
	client := g.client
	g.client = nil
	for {
		if client != nil {
			g.setMonitor(qemu.NewMonitor(client))
			g.resync(ctx)
			g.consume(ctx, client)
			g.setMonitor(nil)
			_ = client.Close()
		}
		if ctx.Err() != nil || proc.isGone() {
			return
		}
		var err error
		if client, err = g.connect(ctx, proc); err != nil {
			g.log.Debug("no qmp connection", "error", err)
			select {
			case <-time.After(time.Second):
			case <-proc.done:
			case <-ctx.Done():
			}
		}
		g.ports.guest.note() // while nobody listened it may have been told
	}
}

// consume handles events until the connection or ctx ends.
func (g *guard) consume(ctx context.Context, client *qmp.Client) {
	retry := time.NewTimer(retryFirst)
	defer retry.Stop()
	pause := retryFirst
	for {
		select {
		case e, open := <-client.Events():
			if !open {
				return
			}
			g.handle(ctx, e)
		case <-retry.C:
			pause = g.retryIO(ctx, pause)
			retry.Reset(pause)
		case <-ctx.Done():
			return
		}
	}
}

// handle takes what an event alone can tell and asks QEMU for the state otherwise: events may have been dropped, the state is true.
func (g *guard) handle(ctx context.Context, e qmp.Event) {
	g.log.Debug("qemu event", "event", e.Name, "data", string(e.Data))
	switch e.Name {
	case "SHUTDOWN":
		g.noteShutdown(e)
	case "RESET":
		g.noteReset(e)
	case "BLOCK_IO_ERROR":
		g.noteIOError(e)
	case "NIC_RX_FILTER_CHANGED":
		g.ports.guest.note()
		return
	case "GUEST_PANICKED", "STOP", "RESUME":
	default:
		return
	}
	g.resync(ctx)
}

// noteShutdown records the cause; the first one is the true one, a later one is our own quit.
func (g *guard) noteShutdown(e qmp.Event) {
	var data struct {
		Guest  bool   `json:"guest"`
		Reason string `json:"reason"`
	}
	if err := e.Decode(&data); err != nil {
		g.log.Warn("event not understood", "error", err)
	}
	exit := Exit{Detail: data.Reason, At: eventTime(e), Code: -1}
	switch {
	case data.Reason == "guest-panic":
		exit.Cause = CausePanic
	case data.Guest:
		exit.Cause = CauseGuestShutdown
	case data.Reason == "host-signal":
		exit.Cause = CauseHostSignal
	default:
		exit.Cause = CauseHostQuit
	}
	g.noteExit(exit)
}

func (g *guard) noteExit(exit Exit) {
	g.board.update(func(s *Status) {
		if s.Exit == nil {
			s.Exit = &exit
		}
	})
}

// noteReset counts one boot for all resets within the window: QEMU reports a guest's reboot and a pressed reset button alike, and the
// firmware's own reset after either.
func (g *guard) noteReset(e qmp.Event) {
	at := eventTime(e)
	g.board.update(func(s *Status) {
		if at.Sub(s.LastReset).Abs() >= resetWindow {
			s.Boots++
		}
		s.LastReset = at
	})
}

func (g *guard) noteIOError(e qmp.Event) {
	var data struct {
		Device    string `json:"device"`
		Node      string `json:"node-name"`
		Operation string `json:"operation"`
		Action    string `json:"action"`
		NoSpace   bool   `json:"nospace"`
		Reason    string `json:"reason"`
	}
	if err := e.Decode(&data); err != nil {
		g.log.Warn("event not understood", "error", err)
		return
	}
	if data.Action != "stop" {
		return
	}
	g.ioError = ioError{noSpace: data.NoSpace, detail: fmt.Sprintf("%s of volume %s failed: %s", data.Operation, data.Node, data.Reason)}
}

// ioError is the last I/O error that stopped the guest; the watcher's own.
type ioError struct {
	noSpace bool
	detail  string
}

func eventTime(e qmp.Event) time.Time {
	if e.Time.IsZero() {
		return time.Now().UTC()
	}
	return e.Time.UTC()
}

// resync asks QEMU how the guest is and records that. It is called by the watcher alone.
func (g *guard) resync(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	g.mu.Lock()
	monitor := g.monitor
	g.mu.Unlock()
	state, err := monitor.State(ctx)
	if err != nil {
		g.log.Debug("state of the guest unknown", "error", err)
		return // the connection has ended or is about to; the next one asks again
	}
	status := g.board.update(func(s *Status) { g.record(s, state) })
	switch {
	case status.Exit != nil && state == qemu.StateShutdown:
		// Why is on disk now: there is no use for the rest of QEMU.
		if err := monitor.Quit(ctx); err != nil {
			g.log.Warn("qemu does not quit", "error", err)
		}
	case state == qemu.StateRunning && g.fenced.Load():
		g.halt(ctx)
	}
}

// record translates QEMU's state.
func (g *guard) record(s *Status, state qemu.RunState) {
	s.Phase, s.Reason, s.Detail = PhasePaused, ReasonOther, ""
	switch state {
	case qemu.StateRunning:
		s.Phase, s.Reason = PhaseRunning, ""
		return
	case qemu.StateShutdown:
		s.Reason, s.Detail = "", "the guest is down, qemu is ending"
		if s.Exit == nil {
			s.Exit = &Exit{Cause: CauseGuestShutdown, Detail: "seen after the fact", At: time.Now().UTC(), Code: -1}
		}
		return
	case qemu.StatePanicked:
		s.Reason, s.Detail = ReasonPanic, "the guest's kernel panicked"
	case qemu.StateIOError:
		s.Reason, s.Detail = ReasonIOError, g.ioError.detail
		if g.ioError.noSpace {
			s.Reason = ReasonNoSpace
		}
	case qemu.StatePaused, qemu.StatePrelaunch:
		if s.PausedByRequest {
			s.Reason = ReasonRequest
		}
	default:
		s.Detail = "qemu's state is " + string(state)
	}
	if s.Fenced {
		s.Reason, s.Detail = ReasonFence, g.fenceDetail()
	}
}

// retryIO continues a guest that an I/O error has stopped. QEMU does not notice by itself when a volume is well again.
func (g *guard) retryIO(ctx context.Context, pause time.Duration) time.Duration {
	s := g.board.get()
	if s.Phase != PhasePaused || s.Reason != ReasonIOError && s.Reason != ReasonNoSpace {
		return retryFirst
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if err := g.cont(ctx); err != nil {
		g.log.Debug("guest not continued after an I/O error", "error", err)
	}
	return min(2*pause, retryMost)
}

// exited records the end of a run and gives back everything.
func (g *guard) exited(ctx context.Context, proc *process) {
	g.mu.Lock()
	forced, logFrom := g.forced, g.logFrom
	g.mu.Unlock()
	exit := processCause(proc.exit)
	if exit.Cause == CauseCrash {
		exit.Detail += "; it said: " + qemuSaid(filepath.Join(g.dir, qemuLogName), logFrom)
	}
	status := g.board.update(func(s *Status) {
		if s.Exit == nil {
			s.Exit = &exit
		}
		s.Exit.Forced = forced && s.Exit.Cause == CauseHostQuit
		s.Exit.Code, s.Exit.Signal = exit.Code, exit.Signal
		s.PowerdownDeadline = 0
	})
	if err := g.power.set(0); err != nil {
		g.log.Error("power timer", "error", err)
	}
	g.log.Info("guest ended", "cause", string(status.Exit.Cause), "detail", status.Exit.Detail, "code", exit.Code)
	g.ports.closeAll()
	g.releaseDisks()
	g.tpm.stop()
	proc.leave()
	g.board.update(func(s *Status) {
		s.Phase, s.Reason, s.Detail, s.PID, s.PIDStart = PhaseExited, "", "", 0, 0
	})
}

// processCause is what the end of the process says when no event did: nobody asked, so it is a crash.
func processCause(e processExit) Exit {
	exit := Exit{Cause: CauseCrash, At: time.Now().UTC(), Code: -1, Detail: "qemu ended without a word"}
	if !e.known {
		return exit
	}
	exit.Code = e.code
	exit.Detail = fmt.Sprintf("qemu ended with code %d", e.code)
	if e.signal != 0 {
		exit.Signal = e.signal.String()
		exit.Detail = "qemu was ended by signal: " + exit.Signal
	}
	return exit
}
