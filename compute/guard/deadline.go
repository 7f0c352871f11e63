// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hivecloud/hive/internal/boottime"
)

// deadline calls a function when a moment of CLOCK_BOOTTIME has come. Go's own timers stand still while the host sleeps, and a lease does
// not; CLOCK_BOOTTIME also means the same to the guard before and after this one.
type deadline struct {
	expired func(context.Context)

	timer *os.File // a timerfd

	mu sync.Mutex
	at int64 // nanoseconds, 0 is never
}

// bootNow is CLOCK_BOOTTIME in nanoseconds.
func bootNow() int64 { return int64(boottime.Now()) }

func (d *deadline) open() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("make timer: %w", err)
	}
	d.timer = os.NewFile(uintptr(fd), "timerfd")
	return nil
}

// set moves the deadline; 0 disarms it. One that has passed already expires at once.
func (d *deadline) set(at int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setLocked(at)
}

// extend moves the deadline on, never back, and returns what it is now. A request that was late on its way is thus
// harmless, and one that names a moment in the past fences at once.
func (d *deadline) extend(at int64) (now int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at <= d.at {
		return d.at, nil
	}
	return at, d.setLocked(at)
}

func (d *deadline) setLocked(at int64) error {
	conn, err := d.timer.SyscallConn()
	if err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(at)} // zero disarms
	var serr error
	if err := conn.Control(func(fd uintptr) { serr = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &spec, nil) }); err != nil {
		return fmt.Errorf("set timer: %w", err)
	}
	if serr != nil {
		return fmt.Errorf("set timer: %w", serr)
	}
	d.at = at
	return nil
}

// setIn sets the deadline to a duration from now and returns it.
func (d *deadline) setIn(in time.Duration) (at int64, err error) {
	at = bootNow() + int64(in)
	return at, d.set(at)
}

// passed says whether the deadline is set and over. A timer that fired just when it was moved on is not over.
func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at != 0 && bootNow() >= d.at
}

// run calls expired after each deadline until ctx ends. It closes the timer.
func (d *deadline) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = d.timer.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if stop() {
			_ = d.timer.SetReadDeadline(time.Unix(1, 0))
		}
		_ = d.timer.Close()
	}()
	var fired [8]byte
	for ctx.Err() == nil {
		n, err := d.timer.Read(fired[:])
		if err != nil || n != len(fired) || binary.NativeEndian.Uint64(fired[:]) == 0 {
			continue // ctx has ended
		}
		if d.passed() {
			d.expired(ctx)
		}
	}
}
