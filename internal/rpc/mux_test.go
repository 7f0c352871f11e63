// SPDX-License-Identifier: Apache-2.0

package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/pki"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
)

// site is nodes on real ports, with certificates of one cluster CA.
type site struct {
	denied func(rpc.NodeID) bool
	t      *testing.T
	ca     *pki.Authority

	mu    sync.Mutex
	where map[string]string
}

func newSite(t *testing.T) *site {
	t.Helper()
	d := pki.NewDir(vfs.OS(), filepath.Join(t.TempDir(), "pki"))
	must(t, d.CreateAuthorities("home"))
	ca, err := d.Authority(pki.ClusterCA)
	must(t, err)
	return &site{t: t, ca: ca, where: map[string]string{}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) Resolve(_ context.Context, node rpc.NodeID) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.where[node]; ok {
		return a, nil
	}
	return "", rpc.ErrUnknownNode
}

func (s *site) moveTo(node, addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.where[node] = addr
}

func (s *site) identity(id string) *pki.Identity {
	s.t.Helper()
	d := pki.NewDir(vfs.OS(), filepath.Join(s.t.TempDir(), id))
	must(s.t, d.Trust(pki.ClusterCA, s.ca.Certificate()))
	must(s.t, d.CreateNode(s.ca, "home", id, nil))
	i, err := d.Identity("home")
	must(s.t, err)
	return i
}

func (s *site) node(id string) *rpc.Mux {
	s.t.Helper()
	m, err := rpc.NewMux(rpc.MuxConfig{
		Self: id, Bind: "127.0.0.1:0", Protocols: []string{rpc.ProtoRaft, rpc.ProtoRPC},
		Credentials: s.identity(id), Resolver: s, Denied: s.denied,
	})
	must(s.t, err)
	must(s.t, m.Open())
	s.moveTo(id, m.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			s.t.Errorf("%s: %v", id, err)
		}
	})
	s.t.Cleanup(func() { cancel(); wg.Wait() })
	return m
}

func dialContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestMux_SplitsProtocolsAndNamesPeers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, b := s.node("a"), s.node("b")
	var wg sync.WaitGroup
	for _, proto := range []string{rpc.ProtoRaft, rpc.ProtoRPC} {
		l, err := b.Listen(proto)
		must(t, err)
		wg.Go(func() {
			c, err := l.Accept()
			if err != nil {
				t.Errorf("accept %s: %v", proto, err)
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte(proto + " " + c.(rpc.Conn).Peer()))
		})
	}
	for _, proto := range []string{rpc.ProtoRPC, rpc.ProtoRaft} {
		c, err := a.Dial(dialContext(t), "b", proto)
		must(t, err)
		got, err := io.ReadAll(c)
		must(t, err)
		if want := proto + " a"; string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Close()
	}
	wg.Wait()
	if _, err := b.Listen(rpc.ProtoRPC); !errors.Is(err, rpc.ErrUnknownProtocol) {
		t.Errorf("second listener: got %v", err)
	}
	if _, err := b.Listen(rpc.ProtoData); !errors.Is(err, rpc.ErrUnknownProtocol) {
		t.Errorf("protocol that was not announced: got %v", err)
	}
}

func TestMux_RPCOverTLSAndNodeThatMoved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, b := s.node("a"), s.node("b")
	client := rpc.NewClient(a)
	defer client.Close()
	serve := func(m *rpc.Mux) (stop func()) {
		l, err := m.Listen(rpc.ProtoRPC)
		must(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { _ = newServer().Serve(ctx, l) })
		return func() { cancel(); wg.Wait() }
	}
	stop := serve(b)
	got, err := rpc.Call[question, answer](dialContext(t), client, "b", "Echo", question{Text: "hi"})
	if err != nil || got.Text != "hi" || got.Peer != "a" {
		t.Errorf("got %+v, %v", got, err)
	}
	stop()
	b2 := s.node("b") // same id, new port
	defer serve(b2)()
	for end := time.Now().Add(time.Minute); ; {
		if _, err = rpc.Call[question, answer](dialContext(t), client, "b", "Echo", question{}); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the node that moved was not found: %v", err)
		}
	}
}

func TestMux_ImpostorAndStrangersRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, b := s.node("a"), s.node("b")
	l, err := b.Listen(rpc.ProtoRPC)
	must(t, err)
	if _, err := a.Dial(dialContext(t), "nobody", rpc.ProtoRPC); !errors.Is(err, rpc.ErrUnknownNode) {
		t.Errorf("node without an address: got %v", err)
	}
	s.moveTo("c", b.Addr().String()) // b answers where c should
	if c, err := a.Dial(dialContext(t), "c", rpc.ProtoRPC); err == nil {
		c.Close()
		t.Error("b was taken for c")
	}
	// Neither a stranger's certificate nor none at all gets through to the listener.
	stranger := newSite(t).identity("a")
	for _, conf := range []*tls.Config{stranger.ClientTLS("b", rpc.ProtoRPC), {NextProtos: []string{rpc.ProtoRPC}}} {
		conf.InsecureSkipVerify = true
		conf.VerifyConnection = nil
		raw, err := tls.Dial("tcp", b.Addr().String(), conf)
		if err == nil {
			_, err = raw.Read(make([]byte, 1))
			raw.Close()
		}
		if err == nil {
			t.Error("a stranger was let in")
		}
	}
	// Somebody who says nothing does not keep the port from serving others.
	silent, err := net.Dial("tcp", b.Addr().String())
	must(t, err)
	defer silent.Close()
	c, err := a.Dial(dialContext(t), "b", rpc.ProtoRPC)
	must(t, err)
	c.Close()
	got, err := l.Accept()
	must(t, err)
	if peer := got.(rpc.Conn).Peer(); peer != "a" {
		t.Errorf("peer %q got through to the listener", peer)
	}
	got.Close()
}

func TestMuxConfig_Refused(t *testing.T) {
	t.Parallel()
	if _, err := rpc.NewMux(rpc.MuxConfig{}); err == nil {
		t.Error("an empty configuration was accepted")
	}
	s := newSite(t)
	busy := s.node("a")
	m, err := rpc.NewMux(rpc.MuxConfig{Self: "b", Bind: busy.Addr().String(), Protocols: []string{rpc.ProtoRPC}, Credentials: s.identity("b"), Resolver: s})
	must(t, err)
	if err := m.Open(); err == nil {
		t.Error("a port in use was bound")
	}
}

// A node that was removed gets no stream any more, in either direction, and loses those that it had.
func TestMux_DeniedNode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var denied atomic.Bool
	s.denied = func(node rpc.NodeID) bool { return denied.Load() && node == "b" }
	a := s.node("a")
	s.denied = nil // b does not know that it was removed
	b := s.node("b")
	l, err := a.Listen(rpc.ProtoRPC)
	must(t, err)
	accepted := make(chan net.Conn, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	})
	old, err := b.Dial(dialContext(t), "a", rpc.ProtoRPC)
	must(t, err)
	theirs := <-accepted
	denied.Store(true)
	a.Sever("b")
	if _, err := io.ReadAll(old); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Logf("the old stream ended with %v", err)
	}
	if _, err := theirs.Write([]byte("x")); err == nil {
		t.Error("the old stream still works")
	}
	c, err := b.Dial(dialContext(t), "a", rpc.ProtoRPC)
	must(t, err) // TLS tells a client only when it reads
	if _, err := c.Read(make([]byte, 1)); !rpc.Refused(err) {
		t.Errorf("a denied node reads %v, and is not told why", err)
	}
	c.Close()
	if _, err := a.Dial(dialContext(t), "b", rpc.ProtoRPC); !errors.Is(err, rpc.ErrDenied) {
		t.Errorf("dial of a denied node: got %v", err)
	}
	must(t, l.Close())
	wg.Wait()
}
