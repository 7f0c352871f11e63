// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hivecloud/hive/internal/rpc"
)

// half is one direction of a stream.
//
// A write never waits: what is under way has no limit. HTTP/2 holds a mutex while it writes, and in a synctest bubble
// no time passes while somebody waits for a mutex, so a write that waited for time would wait for ever.
type half struct {
	net      *Network
	from, to string

	mu        sync.Mutex
	cond      *sync.Cond
	chunks    []chunk
	last      time.Time // arrival of the newest chunk: chunks do not overtake each other
	ended     bool      // the writer closed; the reader gets what is under way, then io.EOF
	broken    bool      // the reader closed
	readLine  time.Time // deadlines; zero is none
	writeLine time.Time
}

type chunk struct {
	data []byte
	at   time.Time // not to be read before
}

func newHalf(n *Network, from, to string) *half {
	h := &half{net: n, from: from, to: to}
	h.cond = sync.NewCond(&h.mu)
	n.mu.Lock()
	n.halves[h] = true
	n.mu.Unlock()
	return h
}

func (h *half) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cond.Broadcast()
}

// wakeAt rings at a time when something may have become possible. The caller holds mu.
func (h *half) wakeAt(t time.Time) { time.AfterFunc(time.Until(t), h.wake) }

func past(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for asked := (time.Time{}); ; h.cond.Wait() {
		switch {
		case h.broken:
			return 0, net.ErrClosed
		case past(h.readLine):
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case h.net.isCut(h.from, h.to):
			continue
		case len(h.chunks) == 0:
			if h.ended {
				return 0, io.EOF
			}
			continue
		}
		first := &h.chunks[0]
		if time.Now().Before(first.at) {
			if asked != first.at {
				asked = first.at
				h.wakeAt(first.at)
			}
			continue
		}
		n := copy(p, first.data)
		if first.data = first.data[n:]; len(first.data) == 0 {
			h.chunks = h.chunks[1:]
		}
		h.cond.Broadcast()
		return n, nil
	}
}

func (h *half) write(p []byte) (int, error) {
	delay := h.net.delay()
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ended:
		return 0, net.ErrClosed
	case past(h.writeLine):
		return 0, os.ErrDeadlineExceeded
	case h.broken && !h.net.isCut(h.to, h.from):
		return 0, syscall.EPIPE // a reset has arrived
	}
	at := time.Now().Add(delay)
	if at.Before(h.last) {
		at = h.last
	}
	h.last = at
	h.chunks = append(h.chunks, chunk{data: append([]byte(nil), p...), at: at})
	h.cond.Broadcast()
	return len(p), nil
}

func (h *half) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.cond.Broadcast()
}

func (h *half) setLine(line *time.Time, t time.Time) {
	h.set(func() {
		*line = t
		if !t.IsZero() && !past(t) {
			h.wakeAt(t)
		}
	})
}

// conn is one end of a stream.
type conn struct {
	endpoint    *Endpoint
	peer        string
	read, write *half
	once        sync.Once
}

var _ rpc.Conn = (*conn)(nil)

func (c *conn) Peer() rpc.NodeID { return c.peer }

func (c *conn) Read(p []byte) (int, error)  { return c.read.read(p) }
func (c *conn) Write(p []byte) (int, error) { return c.write.write(p) }

func (c *conn) Close() error {
	c.once.Do(func() {
		c.read.set(func() { c.read.broken = true })
		c.write.set(func() { c.write.ended = true })
		c.endpoint.mu.Lock()
		delete(c.endpoint.conns, c)
		c.endpoint.mu.Unlock()
		c.endpoint.net.forget(c.read, c.write)
	})
	return nil
}

// forget drops halves that nobody can wait for any more.
func (n *Network) forget(halves ...*half) {
	for _, h := range halves {
		h.mu.Lock()
		over := h.broken && h.ended
		h.mu.Unlock()
		if over {
			n.mu.Lock()
			delete(n.halves, h)
			n.mu.Unlock()
		}
	}
}

func (c *conn) LocalAddr() net.Addr  { return addr(c.endpoint.id) }
func (c *conn) RemoteAddr() net.Addr { return addr(c.peer) }

func (c *conn) SetDeadline(t time.Time) error {
	c.read.setLine(&c.read.readLine, t)
	c.write.setLine(&c.write.writeLine, t)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.read.setLine(&c.read.readLine, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.write.setLine(&c.write.writeLine, t)
	return nil
}
