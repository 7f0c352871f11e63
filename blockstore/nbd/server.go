// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/blockstore"
)

const (
	defaultMaxConns = 64
	// handshakeTimeout ends a connection that does not finish its negotiation.
	handshakeTimeout = 30 * time.Second
	// drainTimeout is how long Shutdown lets a client take its last replies.
	drainTimeout = 2 * time.Second
	// acceptPause is how long an accept loop waits when the process is out of descriptors or memory.
	acceptPause = 50 * time.Millisecond
)

// Config says what a server serves.
type Config struct {
	// Name is the export's name; clients may also ask for the empty name. At most 4096 bytes.
	Name string
	// Volume is served; the server never closes it. Required.
	Volume blockstore.Volume
	// ReadOnly refuses every change with EPERM.
	ReadOnly bool
	// MaxConns is how many connections may be open at once; more are closed at once. 0 means 64.
	MaxConns int
	// Counters count the requests; nil means the server's own.
	Counters *Counters
	// Logger gets one line for a connection that ends in an error; nil means none.
	Logger hclog.Logger
}

// Server serves one volume on any number of listeners and connections.
type Server struct {
	cfg       Config
	immediate bool
	try       blockstore.TryReader  // nil when the volume cannot tell
	fastZero  blockstore.FastZeroer // nil when the volume cannot tell
	ctx       context.Context       // of all requests; done when the server closes
	cancel    context.CancelFunc

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	listeners map[net.Listener]struct{}
	closed    bool
	running   sync.WaitGroup // connections and accept loops; Add only under mu while not closed
}

// New checks the configuration.
func New(cfg Config) (*Server, error) {
	if cfg.Volume == nil {
		return nil, errors.New("nbd: config has no volume")
	}
	if len(cfg.Name) > maxExportNameBytes {
		return nil, fmt.Errorf("nbd: export name of %d bytes", len(cfg.Name))
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.Counters == nil {
		cfg.Counters = &Counters{}
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	s := &Server{cfg: cfg, conns: make(map[net.Conn]struct{}), listeners: make(map[net.Listener]struct{})}
	_, s.immediate = cfg.Volume.(blockstore.Immediate)
	s.try, _ = cfg.Volume.(blockstore.TryReader)
	s.fastZero, _ = cfg.Volume.(blockstore.FastZeroer)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Stats are the totals over all connections.
func (s *Server) Stats() Stats { return s.cfg.Counters.Stats() }

// Conns is how many connections are open now.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Serve accepts connections of l until l or the server is closed, and then returns nil. It closes l. Connections that
// were accepted live on when only l is closed.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return nil
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	defer func() {
		l.Close()
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		s.running.Done()
	}()
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			if !outOf(err) {
				return fmt.Errorf("accept connection for %s: %w", s.cfg.Name, err)
			}
			s.cfg.Logger.Warn("connection could not be accepted", "export", s.cfg.Name, "error", err)
			time.Sleep(acceptPause)
			continue
		}
		if !s.begin(c) {
			c.Close()
			continue
		}
		go func() {
			defer s.end(c)
			s.report(s.serve(c))
		}()
	}
}

// outOf tells whether accept failed for want of something that comes back, such as descriptors.
func outOf(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ServeConn serves one connection until its end and closes it. The error says why it ended; nil means that the client
// said goodbye or hung up between requests, or the server was closed.
func (s *Server) ServeConn(c net.Conn) error {
	if !s.begin(c) {
		c.Close()
		return fmt.Errorf("serve connection for %s: %w", s.cfg.Name, blockstore.ErrClosed)
	}
	defer s.end(c)
	return s.serve(c)
}

// begin takes a connection in; false when the server is closed or full.
func (s *Server) begin(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= s.cfg.MaxConns {
		return false
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	// Set here, under the lock: Shutdown must find it set, or be found.
	c.SetDeadline(time.Now().Add(handshakeTimeout))
	return true
}

func (s *Server) end(c net.Conn) {
	c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.running.Done()
}

// established takes the deadline of the handshake away, unless the server is shutting down.
func (s *Server) established(c net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return blockstore.ErrClosed
	}
	return c.SetDeadline(time.Time{})
}

func (s *Server) report(err error) {
	if err != nil && s.ctx.Err() == nil {
		s.cfg.Logger.Warn("connection ended", "export", s.cfg.Name, "error", err)
	}
}

// Shutdown stops accepting and reading, lets the requests under way finish and be answered, and returns when all connections are
// closed. A client that does not take its replies is cut off after two seconds.
func (s *Server) Shutdown() {
	s.stop(func(c net.Conn) {
		c.SetReadDeadline(time.Unix(1, 0))
		c.SetWriteDeadline(time.Now().Add(drainTimeout))
	})
}

// Close cuts all connections off, without answers, and returns when every request under way has ended: nothing touches
// the volume afterwards. A second Close, or one after Shutdown, does nothing.
func (s *Server) Close() {
	s.cancel()
	s.stop(func(c net.Conn) { c.Close() })
}

func (s *Server) stop(each func(net.Conn)) {
	s.mu.Lock()
	s.closed = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		each(c)
	}
	s.mu.Unlock()
	s.running.Wait()
	s.cancel()
}

// serve negotiates and then answers requests until the connection ends.
func (s *Server) serve(nc net.Conn) error {
	c := newConn(s, nc)
	ok, err := c.handshake()
	if err == nil && ok {
		if err = s.established(nc); err == nil {
			err = c.transmit()
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && s.stopping() || errors.Is(err, blockstore.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
