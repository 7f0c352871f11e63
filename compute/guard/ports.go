// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	// maxConns bounds the connections through one public port; more wait in the listener's backlog.
	maxConns = 512
	// bindRetry is the pause before a port that could not be bound is tried again.
	bindRetry = time.Second
	// forwardTimeout bounds the connection to QEMU's forwarded port, which accepts at once.
	forwardTimeout = 10 * time.Second
)

// portSet opens and closes the public ports of a guest: listeners on its public loopback address, proxied to the loopback ports that QEMU
// forwards. The guard does that, not QEMU, so that the fence can close them.
type portSet struct {
	log    hclog.Logger
	board  *board
	states forwarded
	guest  *presence

	connections, in, out atomic.Uint64

	mu   sync.Mutex
	open []*publicPort
}

func newPortSet(log hclog.Logger, b *board, states forwarded) *portSet {
	return &portSet{log: log, board: b, states: states, guest: newPresence()}
}

func (p *portSet) traffic() Traffic {
	return Traffic{Connections: p.connections.Load(), In: p.in.Load(), Out: p.out.Load()}
}

// openAll opens every port of the status that is not open. It does not wait: a port that cannot be bound is tried again. allowed is asked
// under the lock that closeAll takes too, so that a fence raised meanwhile wins.
func (p *portSet) openAll(allowed func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) > 0 || !allowed() {
		return
	}
	for i, status := range p.board.get().Ports {
		ctx, cancel := context.WithCancel(context.Background())
		port := &publicPort{set: p, index: i, want: status, cancel: cancel, reach: newReach(p.states, p.guest)}
		p.open = append(p.open, port)
		port.wg.Go(func() { port.run(ctx) })
	}
}

// closeAll closes the listeners and cuts every connection, and waits until they are gone.
func (p *portSet) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, port := range p.open {
		port.cancel()
	}
	for _, port := range p.open {
		port.wg.Wait()
	}
	p.open = nil
}

// publicPort is one port while it is meant to be open.
type publicPort struct {
	set    *portSet
	index  int
	want   PortStatus
	cancel context.CancelFunc
	reach  *reach
	wg     sync.WaitGroup
}

func (p *publicPort) run(ctx context.Context) {
	defer p.report(func(s *PortStatus) { s.Bound = 0 })
	for ctx.Err() == nil {
		l, err := p.bind()
		if err != nil {
			p.report(func(s *PortStatus) { s.Bound, s.Error = 0, err.Error() })
			select {
			case <-time.After(bindRetry):
			case <-ctx.Done():
			}
			continue
		}
		bound := uint16(l.Addr().(*net.TCPAddr).Port)
		p.report(func(s *PortStatus) { s.Bound, s.Error = bound, "" })
		p.want.Bound = bound
		p.accept(ctx, l)
	}
}

// bind listens on the wanted port, or, where that is not allowed or somebody has it (the host's own SSH server listens on port 22 of every
// address), on the port it had before or any free one.
func (p *publicPort) bind() (net.Listener, error) {
	l, err := listenTCP(p.want.PublicIP, p.want.Port.Port)
	if !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if p.want.Bound != 0 {
		if l, err := listenTCP(p.want.PublicIP, p.want.Bound); err == nil {
			return l, nil
		}
	}
	return listenTCP(p.want.PublicIP, 0)
}

func listenTCP(ip netip.Addr, port uint16) (net.Listener, error) {
	return net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
}

// accept takes connections until ctx or the listener ends, and waits for them.
func (p *publicPort) accept(ctx context.Context, l net.Listener) {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	defer l.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxConns)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		conn, err := l.Accept()
		if err != nil {
			<-slots
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			p.set.log.Warn("public port does not accept", "error", err)
			select { // out of file descriptors, most likely
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			p.proxy(ctx, conn.(*net.TCPConn))
		})
	}
}

// proxy joins a client with the guest, passing on each side's end of data on its own.
func (p *publicPort) proxy(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	p.set.connections.Add(1)
	if err := p.reach.wait(ctx, p.want.Forward, func() bool { return left(client) }); err != nil {
		p.set.log.Debug("guest does not answer", "port", p.want.GuestPort, "error", err)
		_ = client.SetLinger(0)
		return
	}
	dialer := net.Dialer{Timeout: forwardTimeout}
	conn, err := dialer.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", p.want.Forward))
	if err != nil {
		p.set.log.Debug("guest's port is not reachable", "port", p.want.GuestPort, "error", err)
		_ = client.SetLinger(0) // a reset says refused more clearly than an empty answer
		return
	}
	guest := conn.(*net.TCPConn)
	defer guest.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = client.SetLinger(0)
		_ = client.Close()
		_ = guest.Close()
	})
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { pump(guest, client, &p.set.in) })
	wg.Go(func() { pump(client, guest, &p.set.out) })
	wg.Wait()
}

// pump copies one direction, counting as it goes, and hands on its end. When the receiver is gone the sender's own pump notices too.
func pump(to, from *net.TCPConn, count *atomic.Uint64) {
	defer to.CloseWrite()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			count.Add(uint64(n))
			if _, err := to.Write(buffer[:n]); err != nil {
				_ = from.CloseRead()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *publicPort) report(change func(*PortStatus)) {
	p.set.board.update(func(s *Status) {
		if p.index < len(s.Ports) {
			change(&s.Ports[p.index])
		}
	})
}
