// SPDX-License-Identifier: Apache-2.0

package testcluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/hivecloud/hive/internal/rpc"
)

type link struct{ from, to string }

// Network connects nodes in memory.
type Network struct {
	mu        sync.Mutex
	rng       *rand.Rand
	cut       map[link]bool
	least     time.Duration // delay of a link
	most      time.Duration
	endpoints map[string]*Endpoint
	halves    map[*half]bool
	changed   chan struct{} // closed when links or endpoints change
}

// NewNetwork returns a network whose delays are drawn from seed: between 50 and 500 us, until SetDelay.
func NewNetwork(seed uint64) *Network {
	return &Network{
		rng: rand.New(rand.NewPCG(seed, 1)), cut: map[link]bool{}, least: 50 * time.Microsecond, most: 500 * time.Microsecond,
		endpoints: map[string]*Endpoint{}, halves: map[*half]bool{}, changed: make(chan struct{}),
	}
}

// SetDelay makes every write from now on take between least and most.
func (n *Network) SetDelay(least, most time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.least, n.most = least, most
}

func (n *Network) delay() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.least + time.Duration(n.rng.Int64N(int64(n.most-n.least)+1))
}

// Cut makes nothing that from sends arrive at to, until Heal. The other direction stays.
func (n *Network) Cut(from, to string) {
	n.update(func() { n.cut[link{from, to}] = true })
}

// Isolate cuts a node off from all others, in both directions.
func (n *Network) Isolate(id string) {
	n.update(func() {
		for other := range n.endpoints {
			if other != id {
				n.cut[link{id, other}], n.cut[link{other, id}] = true, true
			}
		}
	})
}

// Heal makes one link work again. What was sent over it arrives now.
func (n *Network) Heal(from, to string) { n.update(func() { delete(n.cut, link{from, to}) }) }

// HealAll makes all links work again.
func (n *Network) HealAll() { n.update(func() { clear(n.cut) }) }

func (n *Network) update(f func()) {
	n.mu.Lock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
	halves := make([]*half, 0, len(n.halves))
	for h := range n.halves {
		halves = append(halves, h)
	}
	n.mu.Unlock()
	for _, h := range halves {
		h.wake()
	}
}

func (n *Network) isCut(from, to string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[link{from, to}]
}

// Endpoint attaches a node. A node that was closed may attach again.
func (n *Network) Endpoint(id string) *Endpoint {
	e := &Endpoint{net: n, id: id, listeners: map[string]*listener{}, conns: map[*conn]bool{}}
	n.update(func() { n.endpoints[id] = e })
	return e
}

// Endpoint is a node's place on the network.
type Endpoint struct {
	net *Network
	id  string

	mu        sync.Mutex
	listeners map[string]*listener
	conns     map[*conn]bool // nil when closed
}

var _ rpc.Network = (*Endpoint)(nil)

// Self is the id of the node.
func (e *Endpoint) Self() rpc.NodeID { return e.id }

// Listen returns the listener of a protocol.
func (e *Endpoint) Listen(proto string) (net.Listener, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listeners[proto] != nil || e.conns == nil {
		return nil, fmt.Errorf("listen to %s: %w", proto, rpc.ErrUnknownProtocol)
	}
	l := &listener{endpoint: e, proto: proto, conns: make(chan net.Conn, 64), done: make(chan struct{})}
	e.listeners[proto] = l
	return l, nil
}

// Dial opens a stream. Over a cut link it waits for ctx, as TCP would; a node that does not listen refuses.
func (e *Endpoint) Dial(ctx context.Context, node rpc.NodeID, proto string) (net.Conn, error) {
	for {
		e.net.mu.Lock()
		changed := e.net.changed
		there := e.net.endpoints[node]
		blocked := e.net.cut[link{e.id, node}] || e.net.cut[link{node, e.id}]
		e.net.mu.Unlock()
		if !blocked {
			return e.connect(there, node, proto)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %s: %w", node, ctx.Err())
		}
	}
}

func (e *Endpoint) connect(there *Endpoint, node, proto string) (net.Conn, error) {
	refused := fmt.Errorf("dial %s: %w", node, syscall.ECONNREFUSED)
	if there == nil {
		return nil, refused
	}
	there.mu.Lock()
	l := there.listeners[proto]
	there.mu.Unlock()
	if l == nil {
		return nil, refused
	}
	out, in := newHalf(e.net, e.id, node), newHalf(e.net, node, e.id)
	mine := &conn{endpoint: e, peer: node, read: in, write: out}
	theirs := &conn{endpoint: there, peer: e.id, read: out, write: in}
	if !e.track(mine) || !there.track(theirs) {
		mine.Close()
		theirs.Close()
		return nil, refused
	}
	select {
	case l.conns <- theirs:
		return mine, nil
	case <-l.done:
	}
	mine.Close()
	theirs.Close()
	return nil, refused
}

func (e *Endpoint) track(c *conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conns == nil {
		return false
	}
	e.conns[c] = true
	return true
}

// Close ends all listeners and streams of the node, as the death of its process would.
func (e *Endpoint) Close() {
	e.mu.Lock()
	conns, listeners := e.conns, e.listeners
	e.conns, e.listeners = nil, map[string]*listener{}
	e.mu.Unlock()
	for _, l := range listeners {
		l.stop()
	}
	for c := range conns {
		c.Close()
	}
	e.net.update(func() {
		if e.net.endpoints[e.id] == e {
			delete(e.net.endpoints, e.id)
		}
	})
}

type listener struct {
	endpoint *Endpoint
	proto    string
	conns    chan net.Conn
	once     sync.Once
	done     chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) stop() { l.once.Do(func() { close(l.done) }) }

// Close ends Accept. Streams that wait to be accepted are closed with their endpoint.
func (l *listener) Close() error {
	l.endpoint.mu.Lock()
	if l.endpoint.listeners[l.proto] == l {
		delete(l.endpoint.listeners, l.proto)
	}
	l.endpoint.mu.Unlock()
	l.stop()
	return nil
}

func (l *listener) Addr() net.Addr { return addr(l.endpoint.id) }

type addr string

func (a addr) Network() string { return "testcluster" }
func (a addr) String() string  { return string(a) }
