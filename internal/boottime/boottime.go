// SPDX-License-Identifier: Apache-2.0

// Package boottime reads CLOCK_BOOTTIME: the time since the host booted, which goes on while the host sleeps and which
// nobody sets. All processes of a host read the same clock, so a moment of it can be handed from one to another.
// Leases end by it; Go's own monotonic clock stands still while the host sleeps.
package boottime

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time since the host booted.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("read CLOCK_BOOTTIME: " + err.Error()) //nolint:forbidigo // Linux has this clock since 2.6.39
	}
	return time.Duration(t.Nano())
}
