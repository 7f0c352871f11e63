// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// target is a TCP server that stands where QEMU forwards to the guest.
func target(t *testing.T, serve func(*net.TCPConn)) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// freeOn finds a port that is free on an address.
func freeOn(t *testing.T, ip string) Port {
	t.Helper()
	l, err := net.Listen("tcp4", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Port{PublicIP: netip.MustParseAddr(ip), Port: uint16(l.Addr().(*net.TCPAddr).Port), GuestPort: 22}
}

func yes() bool { return true }

// established is a guest that answers on every port.
func established(context.Context) (map[uint16][]string, error) {
	return nil, errors.New("not asked in this test")
}

// openPorts opens one port to the target and waits until it listens.
func openPorts(t *testing.T, p Port, forward uint16) (*portSet, netip.AddrPort) {
	t.Helper()
	b := newBoard(t.TempDir(), Status{Ports: []PortStatus{{Port: p, Forward: forward}}}, hclog.NewNullLogger())
	set := newPortSet(hclog.NewNullLogger(), b, established)
	set.openAll(yes)
	t.Cleanup(set.closeAll)
	return set, waitBound(t, b)
}

func waitBound(t *testing.T, b *board) netip.AddrPort {
	t.Helper()
	for {
		s := b.get()
		if addr, ok := s.Ports[0].Addr(); ok {
			return addr
		}
		b.wait(t.Context(), s.Version)
	}
}

func dial(t *testing.T, addr netip.AddrPort) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestPorts_HalfClose(t *testing.T) {
	t.Parallel()
	// The guest answers only once the client has ended its request, as `ssh host cat < file` does.
	forward := target(t, func(c *net.TCPConn) {
		request, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(request))
	})
	want := freeOn(t, "127.77.1.1")
	set, addr := openPorts(t, want, forward)
	if addr.Port() != want.Port || addr.Addr() != want.PublicIP {
		t.Errorf("listens on %v, want %v", addr, want)
	}
	conn := dial(t, addr)
	request := bytes.Repeat([]byte("hello "), 100_000)
	go func() {
		_, _ = conn.Write(request)
		_ = conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, bytes.ToUpper(request)) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(request))
	}
	if tr := set.traffic(); tr.In != uint64(len(request)) || tr.Out != tr.In || tr.Connections != 1 {
		t.Errorf("traffic %+v", tr)
	}
}

func TestPorts_GuestEndsFirst(t *testing.T) {
	t.Parallel()
	forward := target(t, func(c *net.TCPConn) {
		_, _ = c.Write([]byte("bye"))
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
	_, addr := openPorts(t, freeOn(t, "127.77.1.2"), forward)
	conn := dial(t, addr)
	if got, err := io.ReadAll(conn); err != nil || string(got) != "bye" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := conn.Write([]byte("still open")); err != nil {
		t.Errorf("the other direction is closed: %v", err)
	}
}

func TestPorts_CloseAllCutsConnections(t *testing.T) {
	t.Parallel()
	forward := target(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	set, addr := openPorts(t, freeOn(t, "127.77.1.3"), forward)
	conn := dial(t, addr)
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	set.closeAll()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("connection is still open")
	}
	if c, err := net.Dial("tcp4", addr.String()); err == nil {
		c.Close()
		t.Error("port is still open")
	}
	if _, ok := set.board.get().Ports[0].Addr(); ok {
		t.Error("status says that the port is open")
	}
	set.openAll(func() bool { return false })
	if len(set.open) != 0 {
		t.Error("ports opened while they must not")
	}
	set.openAll(yes)
	if got := waitBound(t, set.board); got != addr {
		t.Errorf("opened again on %v, was %v", got, addr)
	}
}

func TestPorts_NobodyBehind(t *testing.T) {
	t.Parallel()
	const nobody = 1 // tcpmux: no one has it
	_, addr := openPorts(t, freeOn(t, "127.77.1.4"), nobody)
	conn, err := net.Dial("tcp4", addr.String())
	if err != nil {
		return // reset already
	}
	defer conn.Close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a guest that does not listen", n)
	}
}

// A host's own SSH server listens on port 22 of every address, also of the guest's public one.
func TestPorts_TakenPortFallsBackToAFreeOne(t *testing.T) {
	t.Parallel()
	forward := target(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("hi")) })
	l, err := net.Listen("tcp4", "127.77.1.5:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).AddrPort()
	b := newBoard(t.TempDir(), Status{Ports: []PortStatus{{Port: Port{PublicIP: taken.Addr(), Port: taken.Port(), GuestPort: 22}, Forward: forward}}}, hclog.NewNullLogger())
	set := newPortSet(hclog.NewNullLogger(), b, established)
	set.openAll(yes)
	t.Cleanup(set.closeAll)
	got := waitBound(t, b)
	if got.Addr() != taken.Addr() || got.Port() == taken.Port() {
		t.Fatalf("bound %v beside the taken %v", got, taken)
	}
	c, err := net.Dial("tcp4", got.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := io.ReadAll(c); string(text) != "hi" {
		t.Errorf("read %q through the port: %v", text, err)
	}
}

// TestPorts_PrivilegedPortFallsBack binds without the capability for ports below 1024, in a thread that is thrown away.
func TestPorts_PrivilegedPortFallsBack(t *testing.T) {
	t.Parallel()
	port := publicPort{want: PortStatus{Port: Port{PublicIP: netip.MustParseAddr("127.77.1.6"), Port: 22, GuestPort: 22}}}
	var l, again net.Listener
	var refused, err, againErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err = dropCapabilities(); err != nil {
			return
		}
		if l, refused = listenTCP(port.want.PublicIP, 22); refused == nil {
			l.Close()
		}
		if l, err = port.bind(); err != nil {
			return
		}
		port.want.Bound = uint16(l.Addr().(*net.TCPAddr).Port)
		l.Close()
		again, againErr = port.bind()
	}()
	<-done
	if !errors.Is(refused, unix.EACCES) {
		t.Skipf("this kernel lets everybody bind port 22: %v", refused)
	}
	if err != nil || againErr != nil {
		t.Fatal(err, againErr)
	}
	defer again.Close()
	if port.want.Bound < 1024 {
		t.Errorf("bound %d, want a free high port", port.want.Bound)
	}
	if got := uint16(again.Addr().(*net.TCPAddr).Port); got != port.want.Bound {
		t.Errorf("next time bound %d, want %d again", got, port.want.Bound)
	}
}

// dropCapabilities takes every capability from this thread alone.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}

func TestPorts_OfARealGuestFollowTheFence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withNet(freeOn(t, "127.77.1.7"), freeOn(t, "127.77.1.8")))
	w.run()
	w.boots()
	open := func(s Status) bool { return s.Ports[0].Bound != 0 && s.Ports[1].Bound != 0 }
	s := w.until("the ports are open", open)
	addr, _ := s.Ports[1].Addr()
	dial(t, addr)
	w.must(w.client.Renew(t.Context(), time.Millisecond))
	s = w.until("the fence", func(s Status) bool { return s.Fenced })
	if s.Ports[0].Bound != 0 || s.Ports[1].Bound != 0 {
		t.Errorf("ports of a fenced guest: %+v", s.Ports)
	}
	w.must(w.client.Renew(t.Context(), 0))
	w.must(w.client.Resume(t.Context(), 7))
	s = w.until("the ports are open again", open)
	if again, _ := s.Ports[1].Addr(); again != addr {
		t.Errorf("port moved from %v to %v", addr, again)
	}
	w.must(w.client.Quit(t.Context()))
	if s := w.untilPhase(PhaseExited); s.Ports[0].Bound != 0 {
		t.Errorf("ports of a guest that is down: %+v", s.Ports)
	}
	w.close()
}
