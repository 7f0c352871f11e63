// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is one QEMU, started by this guard or adopted from an earlier one. It is watched through a pidfd, which cannot come to mean
// another process.
type process struct {
	pid        int
	startTicks uint64
	pidfd      *os.File
	child      *os.Process // nil when adopted: then nobody but init learns its exit code

	wg   sync.WaitGroup
	done chan struct{} // closed when the process is gone; exit is set before

	exit processExit
}

// processExit is what the kernel told about an end.
type processExit struct {
	known  bool
	code   int // -1 when killed by a signal
	signal syscall.Signal
}

// startProcess starts cmd and watches it. cmd's SysProcAttr must be set.
func startProcess(cmd *exec.Cmd) (*process, error) {
	var fd int
	cmd.SysProcAttr.PidFD = &fd
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if fd < 0 {
		return nil, errors.Join(errors.New("the kernel has no pidfd (Linux 5.4 and later do)"), cmd.Process.Kill(), cmd.Wait())
	}
	return watchProcess(cmd.Process.Pid, fd, cmd.Process)
}

// adoptProcess watches a process that is not a child. same is asked again once the pidfd is open: only then can the pid no longer be
// given to another process.
func adoptProcess(pid int, same func(pid int) bool) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("open pidfd of %d: %w", pid, err)
	}
	if !same(pid) {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("process %d is another one by now", pid)
	}
	return watchProcess(pid, fd, nil)
}

func watchProcess(pid, fd int, child *os.Process) (*process, error) {
	// Non-blocking, so that the Go runtime polls it: then closing the file ends a wait.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	stat, err := readProcStat(pid)
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	p := &process{pid: pid, startTicks: stat.startTicks, pidfd: os.NewFile(uintptr(fd), "pidfd"), child: child, done: make(chan struct{})}
	p.wg.Go(p.wait)
	return p, nil
}

// wait ends when the process does, or when leave closes the pidfd.
func (p *process) wait() {
	conn, err := p.pidfd.SyscallConn()
	if err != nil {
		return
	}
	gone := false
	_ = conn.Read(func(fd uintptr) bool {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		gone = err == nil && ready > 0
		return gone
	})
	if !gone {
		return
	}
	if p.child != nil {
		if state, err := p.child.Wait(); err == nil {
			status := state.Sys().(syscall.WaitStatus)
			p.exit = processExit{known: true, code: status.ExitStatus()}
			if status.Signaled() {
				p.exit.signal = status.Signal()
			}
		}
	}
	close(p.done)
}

// doneAfterClose is how long a process whose descriptor is closed may take to be known as gone.
const doneAfterClose = 2 * time.Second

// signal sends a signal; one to a process that is gone is no error.
func (p *process) signal(s syscall.Signal) error {
	conn, err := p.pidfd.SyscallConn()
	if err != nil {
		return fmt.Errorf("signal %v to %d: %w", s, p.pid, err)
	}
	var sent error
	if err := conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), s, nil, 0) }); err != nil {
		// The descriptor is closed when the process has been seen to end, a moment before done says so.
		select {
		case <-p.done:
			return nil
		case <-time.After(doneAfterClose):
			return fmt.Errorf("signal %v to %d: %w", s, p.pid, err)
		}
	}
	if sent != nil && !errors.Is(sent, unix.ESRCH) {
		return fmt.Errorf("signal %v to %d: %w", s, p.pid, sent)
	}
	return nil
}

// isGone says whether the process has ended.
func (p *process) isGone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// leave stops watching, whether the process lives or not.
func (p *process) leave() {
	_ = p.pidfd.Close()
	p.wg.Wait()
}
