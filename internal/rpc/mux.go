// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	handshakeTimeout = 10 * time.Second
	// acceptBacklog is how many finished handshakes of a protocol wait for an Accept before further ones wait too.
	acceptBacklog = 32
)

// Credentials prove who this node is and check who the others are (pki.Identity does).
type Credentials interface {
	// ServerTLS is the configuration of a port on which protos are spoken.
	ServerTLS(protos []string) *tls.Config
	// ClientTLS is the configuration for a stream to node. The handshake must fail when it is not node who answers.
	ClientTLS(node NodeID, proto string) *tls.Config
	// Peer is the node at the other end of a finished handshake.
	Peer(tls.ConnectionState) (NodeID, error)
}

// MuxConfig says where a Mux listens and whom it trusts.
type MuxConfig struct {
	Self        NodeID
	Bind        string   // host:port; port 0 picks a free one, see Addr
	Protocols   []string // all that will ever be listened to
	Strangers   []string // those of Protocols whose clients prove nothing: Peer of their streams is empty
	Credentials Credentials
	Resolver    Resolver
	// Denied names nodes whose certificate counts for nothing any more; nil denies nobody. It is asked at every stream,
	// in either direction; Sever ends the streams that a node had when it was denied.
	Denied func(NodeID) bool
	Logger hclog.Logger // nil writes nothing
}

// Mux is a Network on one TLS port.
type Mux struct {
	cfg    MuxConfig
	logger hclog.Logger

	mu        sync.Mutex
	listener  net.Listener            // set by Open
	protocols map[string]*muxListener // by ALPN name; nil until listened to
	shaking   map[net.Conn]bool       // handshakes in progress
	streams   map[*muxConn]bool       // handed out and not closed yet
	closed    bool
}

var _ Network = (*Mux)(nil)

// NewMux returns a mux that is not listening yet.
func NewMux(cfg MuxConfig) (*Mux, error) {
	if cfg.Self == "" || cfg.Credentials == nil || cfg.Resolver == nil || len(cfg.Protocols) == 0 {
		return nil, errors.New("cluster port: own id, credentials, resolver and protocols are required")
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	m := &Mux{cfg: cfg, logger: cfg.Logger.Named("mux"), protocols: map[string]*muxListener{}, shaking: map[net.Conn]bool{}, streams: map[*muxConn]bool{}}
	for _, p := range cfg.Protocols {
		m.protocols[p] = nil
	}
	return m, nil
}

// Self is the id of this node.
func (m *Mux) Self() NodeID { return m.cfg.Self }

// Open binds the port. Connections wait in the kernel until Run.
func (m *Mux) Open() error {
	l, err := net.Listen("tcp", m.cfg.Bind)
	if err != nil {
		return fmt.Errorf("bind cluster port: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listener = l
	return nil
}

// Addr is the address that is bound. Open must have returned.
func (m *Mux) Addr() net.Addr {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.listener.Addr()
}

// Listen returns the listener of a protocol, once.
func (m *Mux) Listen(proto string) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, ok := m.protocols[proto]; !ok || l != nil {
		return nil, fmt.Errorf("listen to %s: %w", proto, ErrUnknownProtocol)
	}
	l := &muxListener{mux: m, proto: proto, conns: make(chan *muxConn, acceptBacklog), done: make(chan struct{})}
	m.protocols[proto] = l
	return l, nil
}

// Run accepts until ctx ends, then closes the port and all listeners and waits for its goroutines. Streams that were
// handed out stay with their owners.
func (m *Mux) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	conf := m.refusing(m.cfg.Credentials.ServerTLS(m.cfg.Protocols))
	stop := context.AfterFunc(ctx, m.close)
	defer func() {
		stop()
		m.close()
		wg.Wait()
	}()
	for pause := time.Duration(0); ; {
		raw, err := m.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				raw.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on cluster port: %w", err)
		case err != nil:
			// Out of file descriptors, most likely: it passes, and giving up would take the node out of the cluster.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			m.logger.Error("connection not accepted", "error", err, "retry_in", pause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		wg.Go(func() { m.shake(ctx, raw, conf) })
	}
}

func (m *Mux) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.closed = true
	m.listener.Close()
	for c := range m.shaking {
		c.Close()
	}
	for _, l := range m.protocols {
		if l != nil {
			l.stop()
		}
	}
}

// refusing is conf with an alert for nodes that are denied: they learn why nobody listens to them (Refused).
func (m *Mux) refusing(conf *tls.Config) *tls.Config {
	verify := conf.VerifyConnection
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		if verify != nil {
			if err := verify(cs); err != nil {
				return err
			}
		}
		if peer, err := m.cfg.Credentials.Peer(cs); err == nil && m.denied(peer) {
			m.logger.Warn("node was removed from the cluster", "peer", peer)
			return ErrDenied
		}
		return nil
	}
	return conf
}

// Refused tells whether the other end of a call answered that it does not accept this node's certificate, although it is one
// of its own and has not expired: the node was removed. TLS has the client learn of it when it first reads.
func Refused(err error) bool {
	return err != nil && strings.Contains(err.Error(), "remote error: tls: bad certificate") // crypto/tls has no type for it
}

// shake finds out who called and for what, and hands the stream to the protocol's listener.
func (m *Mux) shake(ctx context.Context, raw net.Conn, conf *tls.Config) {
	if !m.track(raw) {
		raw.Close()
		return
	}
	conn := tls.Server(raw, conf)
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	err := conn.HandshakeContext(hctx)
	cancel()
	m.untrack(raw)
	if err != nil {
		m.logger.Debug("handshake refused", "from", raw.RemoteAddr(), "error", err)
		raw.Close()
		return
	}
	state := conn.ConnectionState()
	var peer NodeID
	if !slices.Contains(m.cfg.Strangers, state.NegotiatedProtocol) {
		peer, err = m.cfg.Credentials.Peer(state)
	}
	if err != nil {
		m.logger.Warn("peer without a name", "from", raw.RemoteAddr(), "error", err)
		raw.Close()
		return
	}
	if m.denied(peer) {
		m.logger.Warn("node was removed from the cluster", "peer", peer, "from", raw.RemoteAddr())
		raw.Close()
		return
	}
	m.mu.Lock()
	l := m.protocols[state.NegotiatedProtocol]
	m.mu.Unlock()
	if l == nil {
		m.logger.Debug("nobody listens", "peer", peer, "protocol", state.NegotiatedProtocol)
		conn.Close()
		return
	}
	l.deliver(m.stream(conn, peer))
}

func (m *Mux) denied(node NodeID) bool { return m.cfg.Denied != nil && m.cfg.Denied(node) }

// stream is a finished handshake as it is handed out.
func (m *Mux) stream(conn net.Conn, peer NodeID) *muxConn {
	c := &muxConn{Conn: conn, mux: m, peer: peer}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams[c] = true
	return c
}

// Sever closes all streams to and from a node. It is for a node that is denied: others would dial again.
func (m *Mux) Sever(node NodeID) {
	m.mu.Lock()
	var cut []*muxConn
	for c := range m.streams {
		if c.peer == node {
			cut = append(cut, c)
		}
	}
	m.mu.Unlock()
	for _, c := range cut {
		c.Close()
	}
}

func (m *Mux) track(c net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.shaking[c] = true
	return true
}

func (m *Mux) untrack(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.shaking, c)
}

// Dial opens a stream to node, wherever it is now. A node dials itself through the port like any other.
func (m *Mux) Dial(ctx context.Context, node NodeID, proto string) (net.Conn, error) {
	if !slices.Contains(m.cfg.Protocols, proto) {
		return nil, fmt.Errorf("dial %s: %s: %w", node, proto, ErrUnknownProtocol)
	}
	if m.denied(node) {
		return nil, fmt.Errorf("dial %s: %w", node, ErrDenied)
	}
	addr, err := m.cfg.Resolver.Resolve(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", node, err)
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", node, err)
	}
	conn := tls.Client(raw, m.cfg.Credentials.ClientTLS(node, proto))
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(hctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("dial %s at %s: %w", node, addr, err)
	}
	return m.stream(conn, node), nil
}

// muxConn hides the *tls.Conn: net/http would otherwise look for its own ALPN names in it.
type muxConn struct {
	net.Conn
	mux  *Mux
	peer NodeID
}

var _ Conn = (*muxConn)(nil)

func (c *muxConn) Peer() NodeID { return c.peer }

// Close closes the stream.
func (c *muxConn) Close() error {
	c.mux.mu.Lock()
	delete(c.mux.streams, c)
	c.mux.mu.Unlock()
	return c.Conn.Close()
}

// muxListener is one protocol of the port.
type muxListener struct {
	mux   *Mux
	proto string
	conns chan *muxConn
	once  sync.Once
	done  chan struct{}
}

func (l *muxListener) deliver(c *muxConn) {
	select {
	case l.conns <- c:
	case <-l.done:
		c.Close()
		return
	}
	select {
	case <-l.done:
		l.drain() // stop may have drained before c came
	default:
	}
}

func (l *muxListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *muxListener) stop() {
	l.once.Do(func() { close(l.done) })
	l.drain()
}

func (l *muxListener) drain() {
	for {
		select {
		case c := <-l.conns:
			c.Close()
		default:
			return
		}
	}
}

// Close ends Accept. The protocol may be listened to again.
func (l *muxListener) Close() error {
	l.mux.mu.Lock()
	if l.mux.protocols[l.proto] == l {
		l.mux.protocols[l.proto] = nil
	}
	l.mux.mu.Unlock()
	l.stop()
	return nil
}

func (l *muxListener) Addr() net.Addr { return l.mux.Addr() }
