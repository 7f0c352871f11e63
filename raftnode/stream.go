// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/hivecloud/hive/internal/rpc"
)

// Every raft stream starts with a head that says for which group it is:
//
//	offset 0  1 byte   version, 1
//	       1  1 byte   length n of the group's name, 1 to 64
//	       2  n bytes  the group's name
const (
	streamVersion = 1
	maxGroup      = 64
	headTimeout   = 10 * time.Second
)

func streamHead(group string) []byte {
	return append([]byte{streamVersion, byte(len(group))}, group...)
}

func readStreamHead(r io.Reader) (group string, err error) {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("read stream head: %w", err)
	}
	if b[0] != streamVersion {
		return "", fmt.Errorf("read stream head: version %d, this program knows %d", b[0], streamVersion)
	}
	if b[1] == 0 || b[1] > maxGroup {
		return "", fmt.Errorf("read stream head: group name of %d bytes", b[1])
	}
	name := make([]byte, b[1])
	if _, err := io.ReadFull(r, name); err != nil {
		return "", fmt.Errorf("read stream head: %w", err)
	}
	return string(name), nil
}

// layer is the streams of one group, as raft's transport wants them. Addresses are node ids. It knows all of its
// connections and closes them with itself, because the transport forgets those that wait in its pool.
type layer struct {
	network rpc.Network
	group   string
	accept  chan net.Conn
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc

	mu    sync.Mutex
	conns map[*layerConn]bool
}

var _ raft.StreamLayer = (*layer)(nil)

func newLayer(network rpc.Network, group string) *layer {
	l := &layer{network: network, group: group, accept: make(chan net.Conn), conns: map[*layerConn]bool{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// deliver hands an accepted stream, whose head was read, to raft.
func (l *layer) deliver(c net.Conn) {
	tracked, err := l.track(c)
	if err != nil {
		return
	}
	select {
	case l.accept <- tracked:
	case <-l.ctx.Done():
		tracked.Close()
	}
}

func (l *layer) track(c net.Conn) (*layerConn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		c.Close()
		return nil, net.ErrClosed
	}
	t := &layerConn{Conn: c, layer: l}
	l.conns[t] = true
	return t, nil
}

// Accept is part of net.Listener.
func (l *layer) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends Accept, pending dials and all connections.
func (l *layer) Close() error {
	l.mu.Lock()
	l.cancel()
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
	return nil
}

// Addr is the node's own id.
func (l *layer) Addr() net.Addr { return nodeAddr(l.network.Self()) }

// Dial opens a stream to a node.
func (l *layer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	if string(address) == l.network.Self() {
		here, there := net.Pipe()
		go l.deliver(there) // ends with Accept or with Close
		return l.track(here)
	}
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	defer cancel()
	c, err := l.network.Dial(ctx, string(address), rpc.ProtoRaft)
	if err != nil {
		return nil, err
	}
	if err := writeHead(c, l.group, timeout); err != nil {
		c.Close()
		return nil, fmt.Errorf("open stream to %s: %w", address, err)
	}
	return l.track(c)
}

func writeHead(c net.Conn, group string, timeout time.Duration) error {
	if err := c.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if _, err := c.Write(streamHead(group)); err != nil {
		return err
	}
	return c.SetWriteDeadline(time.Time{})
}

type layerConn struct {
	net.Conn
	layer *layer
}

// Read ends in good order when this end was closed: raft logs any other end as an error, and closing is none.
func (c *layerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		err = io.EOF
	}
	return n, err
}

func (c *layerConn) Close() error {
	c.layer.mu.Lock()
	delete(c.layer.conns, c)
	c.layer.mu.Unlock()
	return c.Conn.Close()
}

type nodeAddr string

func (a nodeAddr) Network() string { return "hive" }
func (a nodeAddr) String() string  { return string(a) }
