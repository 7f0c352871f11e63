// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// booting stands where QEMU forwards: it accepts at once, and a connection is joined with a guest only if the guest had
// booted when it was made; an earlier one sleeps, as QEMU's TCP does after a SYN that nobody answered.
type booting struct {
	boot int32 // connections until the guest has booted
	made atomic.Int32

	mu    sync.Mutex
	table []string // TCP states; those of connections that were given up stay
	heard []string
}

func (b *booting) serve(c *net.TCPConn) {
	n := b.made.Add(1)
	if n <= b.boot {
		b.add(synSent)
		_, _ = c.Read(make([]byte, 1)) // until it is given up
		return
	}
	b.add("ESTABLISHED")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil {
		b.mu.Lock()
		b.heard = append(b.heard, line)
		b.mu.Unlock()
		fmt.Fprintf(c, "guest heard %s", line)
	}
}

func (b *booting) add(state string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.table = append(b.table, state)
}

func (b *booting) states(forward uint16) forwarded {
	return func(context.Context) (map[uint16][]string, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return map[uint16][]string{forward: slices.Clone(b.table)}, nil
	}
}

// A client that connects while the guest boots gets its answer as soon as the guest is there. It used to wait for the
// next repetition of a SYN, up to eighteen seconds after the launch.
func TestPorts_ClientThatCameDuringBootIsAnswered(t *testing.T) {
	t.Parallel()
	b := &booting{boot: 3}
	forward := target(t, b.serve)
	p := freeOn(t, "127.0.0.1")
	bd := newBoard(t.TempDir(), Status{Ports: []PortStatus{{Port: p, Forward: forward}}}, hclog.NewNullLogger())
	set := newPortSet(hclog.NewNullLogger(), bd, b.states(forward))
	set.guest.note()
	set.openAll(yes)
	t.Cleanup(set.closeAll)
	at := waitBound(t, bd)
	impatient := dial(t, at) // leaves before the guest is there, and is not presented to it
	if err := impatient.Close(); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, at)
	if _, err := fmt.Fprintln(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(conn).ReadString('\n'); got != "guest heard hello\n" {
		t.Fatalf("client read %q, %v after %d connections", got, err, b.made.Load())
	}
	if made := b.made.Load(); made > b.boot+2 {
		t.Errorf("the guest got %d connections, want one to find it and one of the client", made-b.boot)
	}
}

// No connection is made to a guest that has no interface yet. They used to be made ten times in the first seconds, and made
// the guest boot slower.
func TestPorts_GuestWithoutInterfaceIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := newReach(func(context.Context) (map[uint16][]string, error) {
			asked.Add(1)
			return nil, errors.New("asked")
		}, newPresence())
		waiting := make(chan error, 1)
		go func() { waiting <- r.wait(t.Context(), 1, func() bool { return false }) }()
		time.Sleep(reachBlind - time.Millisecond)
		if n := asked.Load(); n != 0 {
			t.Errorf("%d attempts before the guest has an interface", n)
		}
		r.guest.note()
		if err := <-waiting; err != nil || asked.Load() != 1 {
			t.Errorf("with the interface: %v after %d attempts", err, asked.Load())
		}
		// A guest whose interface QEMU never tells of is found all the same.
		blind := newReach(r.states, newPresence())
		if err := blind.wait(t.Context(), 1, func() bool { return false }); err != nil || asked.Load() != 2 {
			t.Errorf("blind: %v after %d attempts", err, asked.Load())
		}
	})
}

// A guest that is up and has nothing on the port refuses, and the client is told so at once.
func TestPorts_RefusalIsPassedOn(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	forward := target(t, func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)) })
	r := newReach(func(context.Context) (map[uint16][]string, error) {
		if asked.Add(1) == 2 {
			return map[uint16][]string{forward: {synSent}}, nil
		}
		return nil, nil
	}, newPresence())
	r.guest.note()
	if err := r.wait(t.Context(), forward, func() bool { return false }); err != errRefused {
		t.Fatalf("got %v, want %v", err, errRefused)
	}
}
