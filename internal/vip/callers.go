// SPDX-License-Identifier: Apache-2.0

package vip

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Callers are the connections that clients opened at the address. They have to end before the address goes: a machine
// that no longer has it cannot send on them, not even that they are over, and a client that waits for its answer would
// wait until its own patience ends, a minute with the AWS SDKs.
//
// Track is called by the server's goroutines, Leave by whoever holds the address.
type Callers struct {
	addr netip.Addr

	mu   sync.Mutex
	open map[net.Conn]bool // whether a request is being answered
	idle chan struct{}     // closed by the next connection that ends or falls idle; nil: nobody waits
}

// NewCallers knows nobody yet. Connections to other addresses than addr do not concern it.
func NewCallers(addr netip.Addr) *Callers {
	return &Callers{addr: addr.Unmap(), open: map[net.Conn]bool{}}
}

// Track is for http.Server's ConnState.
func (c *Callers) Track(conn net.Conn, state http.ConnState) {
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil || at.Addr().Unmap() != c.addr {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive: // a new one is about to ask
		c.open[conn] = true
		return
	case http.StateIdle:
		c.open[conn] = false
	default:
		delete(c.open, conn)
	}
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// Leave ends every connection: at once where no request is being answered, otherwise when it has been, and at the latest
// after grace, by a reset, which tells the client to try again.
func (c *Callers) Leave(grace time.Duration) {
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	for {
		left, changed := c.part()
		if left == 0 {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			c.reset()
			return
		}
	}
}

// part closes what is idle, and says how many connections are not.
func (c *Callers) part() (left int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn, active := range c.open {
		if active {
			left++
			continue
		}
		_ = conn.Close() // the server notices
		delete(c.open, conn)
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	return left, c.idle
}

func (c *Callers) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		below := conn
		if t, ok := conn.(*tls.Conn); ok {
			below = t.NetConn() // no alert of TLS: nobody waits for its answer
		}
		if t, ok := below.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = below.Close()
		delete(c.open, conn)
	}
}
