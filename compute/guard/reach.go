// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// reachStep and reachPatience bound how long one attempt waits for the guest to answer: a step more each time. QEMU's own
	// TCP repeats a lost SYN after 6, 18 and 42 seconds, so a connection made while the guest boots would sleep far beyond its
	// boot; it is made anew instead. Each attempt that is given up still reaches the guest at its next repetition, as a
	// connection that ends at once: hence not more of them than needed.
	reachStep     = 100 * time.Millisecond
	reachPatience = time.Second
	// reachLooks is how often an attempt is looked at before it is given up.
	reachLooks = 5
	// reachBlind is the pause between attempts at a guest that has not brought an interface up, as far as QEMU tells. Each of
	// them makes QEMU ask the network for the guest's address again and again, which took a booting guest a fifth of its speed.
	reachBlind = 2 * time.Second
	// reachGone is how often a client that waits is looked at: it may have left.
	reachGone = 50 * time.Millisecond
	// reachTimeout is how long a client waits for a guest that never answers, as a TCP connect would.
	reachTimeout = 75 * time.Second
)

// errRefused is a guest that answered that nothing listens on the port.
var errRefused = errors.New("the guest refuses the connection")

// errLeft is a client that did not wait.
var errLeft = errors.New("the client has left")

// synSent is the TCP state of a connection that the guest has not answered.
const synSent = "SYN_SENT"

// forwarded lists the TCP states of the connections through each forwarded port (qemu.Monitor.Forwarded).
type forwarded func(ctx context.Context) (map[uint16][]string, error)

// presence tells once that the guest has brought a network interface up.
type presence struct {
	once sync.Once
	up   chan struct{} // closed by then
}

func newPresence() *presence { return &presence{up: make(chan struct{})} }

func (p *presence) note() { p.once.Do(func() { close(p.up) }) }

// reach finds out whether the guest answers on a port, before a client's bytes are entrusted to QEMU, which accepts in the
// guest's place at once. It is asked until the guest has answered once.
type reach struct {
	states   forwarded
	guest    *presence
	answered atomic.Bool
	turn     chan struct{} // holds one token: who has it makes attempts, the others wait for what comes of them
}

func newReach(states forwarded, guest *presence) *reach {
	r := &reach{states: states, guest: guest, turn: make(chan struct{}, 1)}
	r.turn <- struct{}{}
	return r
}

// wait returns when the guest answers on the forwarded port. When QEMU cannot be asked it returns too: then the client
// takes its chance. gone tells whether the client has left.
func (r *reach) wait(ctx context.Context, forward uint16, gone func() bool) error {
	if r.answered.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	select {
	case <-r.turn:
		defer func() { r.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for patience := reachStep; !r.answered.Load(); patience = min(patience+reachStep, reachPatience) {
		if err := r.hold(ctx, gone); err != nil {
			return err
		}
		verdict, err := r.attempt(ctx, forward, patience)
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case verdict == answers:
			r.answered.Store(true)
		case verdict == unknown:
			return nil
		}
	}
	if gone() {
		return errLeft
	}
	return nil
}

// hold waits until an attempt is worth making.
func (r *reach) hold(ctx context.Context, gone func() bool) error {
	blind := time.NewTimer(reachBlind)
	defer blind.Stop()
	look := time.NewTicker(reachGone)
	defer look.Stop()
	for {
		if gone() {
			return errLeft
		}
		select {
		case <-r.guest.up:
			return nil
		case <-blind.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// verdict is what came of one attempt.
type verdict int

const (
	silent  verdict = iota // no answer in time
	answers                // the guest took a connection
	unknown                // QEMU does not say
)

// attempt makes one connection to the forwarded port and looks what becomes of it. Attempts that were given up are
// still among the states.
func (r *reach) attempt(ctx context.Context, forward uint16, patience time.Duration) (verdict, error) {
	before, err := r.states(ctx)
	if err != nil {
		return unknown, nil //nolint:nilerr // the client takes its chance
	}
	conn, err := (&net.Dialer{Timeout: forwardTimeout}).DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", forward))
	if err != nil {
		return unknown, err
	}
	defer conn.Close()
	seen := false // QEMU was seen to try: when the connection is gone after that, the guest refused it
	for until := time.Now().Add(patience); time.Now().Before(until); {
		states, err := r.states(ctx)
		if err != nil {
			return unknown, nil //nolint:nilerr // the client takes its chance
		}
		now := states[forward]
		switch {
		case slices.ContainsFunc(now, func(s string) bool { return s != synSent }):
			return answers, nil
		case len(now) > len(before[forward]):
			seen = true
		case seen:
			return unknown, errRefused
		}
		select {
		case <-time.After(patience / reachLooks):
		case <-ctx.Done():
			return silent, nil
		}
	}
	if !seen {
		return unknown, nil
	}
	return silent, nil
}

// left tells whether a client has gone without having said anything more: there is nobody to join with the guest.
func left(client *net.TCPConn) bool {
	raw, err := client.SyscallConn()
	if err != nil {
		return true
	}
	over := false
	err = raw.Control(func(fd uintptr) {
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		over = n == 0 && err == nil || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	})
	return over || err != nil
}
