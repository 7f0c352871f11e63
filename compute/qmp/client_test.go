// SPDX-License-Identifier: Apache-2.0

package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}`

// peer is the server's end of one scripted connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (p *peer) send(lines ...string) {
	for _, l := range lines {
		if _, err := p.conn.Write([]byte(l + "\r\n")); err != nil {
			p.t.Errorf("server write: %v", err)
		}
	}
}

type request struct {
	Execute   string          `json:"execute"`
	Arguments json.RawMessage `json:"arguments"`
	ID        string          `json:"id"`
}

func (p *peer) recv() request {
	line, err := p.r.ReadBytes('\n')
	if err != nil {
		return request{}
	}
	var q request
	if err := json.Unmarshal(line, &q); err != nil {
		p.t.Errorf("server got %q: %v", line, err)
	}
	return q
}

func (p *peer) negotiate() {
	p.send(greeting)
	q := p.recv()
	if q.Execute != "qmp_capabilities" {
		p.t.Errorf("first command is %q, want qmp_capabilities", q.Execute)
	}
	p.reply(q.ID, `{}`)
}

func (p *peer) reply(id, result string) {
	p.send(fmt.Sprintf(`{"return": %s, "id": %q}`, result, id))
}

// serve accepts one connection and runs the script on it; the listener stays open, as QEMU's does, so that a further connect
// succeeds without a greeting.
func serve(t *testing.T, script func(*peer)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "qmp.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		script(&peer{t: t, conn: conn, r: bufio.NewReader(conn)})
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return path
}

func mustDial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestExecute_RepliesOutOfOrderWithEventsBetween(t *testing.T) {
	t.Parallel()
	path := serve(t, func(p *peer) {
		p.negotiate()
		byCommand := map[string]string{}
		for range 2 {
			q := p.recv()
			byCommand[q.Execute] = q.ID
		}
		p.send(`{"event": "STOP", "timestamp": {"seconds": 1700000000, "microseconds": 5}}`)
		p.reply(byCommand["second"], `{"n": 2}`)
		p.send(`{"event": "RESET", "data": {"guest": true}, "timestamp": {"seconds": -1, "microseconds": -1}}`)
		p.reply(byCommand["first"], `{"n": 1}`)
		p.recv()
	})
	c := mustDial(t, path)
	var wg sync.WaitGroup
	for n, command := range map[int]string{1: "first", 2: "second"} {
		wg.Go(func() {
			var got struct{ N int }
			if err := c.Execute(t.Context(), command, nil, &got); err != nil {
				t.Error(err)
			}
			if got.N != n {
				t.Errorf("%s got %d, want %d", command, got.N, n)
			}
		})
	}
	wg.Wait()
	want := []Event{
		{Name: "STOP", Time: time.Unix(1700000000, 5000)},
		{Name: "RESET", Data: json.RawMessage(`{"guest": true}`)},
	}
	if diff := cmp.Diff(want, []Event{<-c.Events(), <-c.Events()}); diff != "" {
		t.Error(diff)
	}
}

func TestExecute_RefusalIsTyped(t *testing.T) {
	t.Parallel()
	path := serve(t, func(p *peer) {
		p.negotiate()
		q := p.recv()
		p.send(fmt.Sprintf(`{"id": %q, "error": {"class": "CommandNotFound", "desc": "The command nope has not been found"}}`, q.ID))
		q = p.recv()
		p.reply(q.ID, `{}`)
	})
	c := mustDial(t, path)
	err := c.Execute(t.Context(), "nope", map[string]any{"a": 1}, nil)
	var refused *Error
	if !errors.As(err, &refused) || refused.Class != "CommandNotFound" {
		t.Errorf("got %v, want a CommandNotFound *Error", err)
	}
	if err := c.Execute(t.Context(), "cont", nil, nil); err != nil {
		t.Errorf("after a refusal: %v, want the connection to live on", err)
	}
}

func TestExecute_TimeoutClosesTheConnection(t *testing.T) {
	t.Parallel()
	path := serve(t, func(p *peer) {
		p.negotiate()
		p.recv() // swallowed, as after an unclosed brace
		p.recv()
	})
	c := mustDial(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Execute(ctx, "query-status", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want deadline exceeded", err)
	}
	<-c.Done()
	if err := c.Execute(t.Context(), "query-status", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("next command got %v, want ErrClosed", err)
	}
	if _, open := <-c.Events(); open {
		t.Error("events still open after the connection ended")
	}
}

func TestDial_SecondClientGetsNoGreeting(t *testing.T) {
	t.Parallel()
	path := serve(t, func(p *peer) { p.negotiate(); p.recv() })
	mustDial(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, path); !errors.Is(err, ErrNoGreeting) {
		t.Errorf("got %v, want ErrNoGreeting", err)
	}
}

func TestDial_BadPeers(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(*peer){
		"not JSON":              func(p *peer) { p.send("SSH-2.0-OpenSSH") },
		"event before greeting": func(p *peer) { p.send(`{"event": "STOP"}`) },
		"closes at once":        func(*peer) {},
		"half a greeting":       func(p *peer) { p.conn.Write([]byte(greeting[:20])) },
		"capabilities refused": func(p *peer) {
			p.send(greeting)
			q := p.recv()
			p.send(fmt.Sprintf(`{"id": %q, "error": {"class": "GenericError", "desc": "no"}}`, q.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := Dial(t.Context(), serve(t, script)); err == nil {
				c.Close()
				t.Error("got a client, want an error")
			}
		})
	}
}

func TestRead_ProtocolFaultsEndTheConnection(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"not JSON":         `{"return": `,
		"reply without id": `{"error": {"class": "GenericError", "desc": "JSON parse error"}}`,
		"second greeting":  greeting,
		"two kinds":        `{"return": {}, "event": "STOP", "id": "2"}`,
		"id not a string":  `{"return": {}, "id": 7}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := mustDial(t, serve(t, func(p *peer) {
				p.negotiate()
				p.recv()
				p.send(line)
				p.recv()
			}))
			err := c.Execute(t.Context(), "query-status", nil, nil)
			if !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
			if !errors.Is(c.Err(), errMalformed) {
				t.Errorf("cause is %v, want a malformed line", c.Err())
			}
		})
	}
}

func TestRead_ServerLeavesWhileCommandWaits(t *testing.T) {
	t.Parallel()
	c := mustDial(t, serve(t, func(p *peer) { p.negotiate(); p.recv() }))
	if err := c.Execute(t.Context(), "query-status", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestRead_ReplyToNobodyIsIgnored(t *testing.T) {
	t.Parallel()
	c := mustDial(t, serve(t, func(p *peer) {
		p.negotiate()
		q := p.recv()
		p.reply("999", `{}`)
		p.reply(q.ID, `{"status": "running"}`)
		p.recv()
	}))
	var got struct{ Status string }
	if err := c.Execute(t.Context(), "query-status", nil, &got); err != nil || got.Status != "running" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRead_LineLongerThanTheBuffer(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("x", 300<<10)
	c := mustDial(t, serve(t, func(p *peer) {
		p.negotiate()
		p.reply(p.recv().ID, fmt.Sprintf("%q", want))
		p.recv()
	}))
	var got string
	if err := c.Execute(t.Context(), "query-qmp-schema", nil, &got); err != nil || got != want {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

func TestEvents_OldestDroppedAndCounted(t *testing.T) {
	t.Parallel()
	const extra = 10
	c := mustDial(t, serve(t, func(p *peer) {
		p.negotiate()
		q := p.recv()
		for i := range EventBuffer + extra {
			p.send(fmt.Sprintf(`{"event": "E%d"}`, i))
		}
		p.reply(q.ID, `{}`) // after this reply every event was queued
		p.recv()
	}))
	if err := c.Execute(t.Context(), "query-status", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := c.Dropped(); got != extra {
		t.Errorf("dropped %d, want %d", got, extra)
	}
	if e := <-c.Events(); e.Name != fmt.Sprintf("E%d", extra) {
		t.Errorf("first event left is %s, want E%d", e.Name, extra)
	}
}

func TestEvent_Decode(t *testing.T) {
	t.Parallel()
	var got struct{ Guest bool }
	if err := (Event{Name: "RESET", Data: json.RawMessage(`{"guest": true}`)}).Decode(&got); err != nil || !got.Guest {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := (Event{Name: "STOP"}).Decode(&got); err != nil {
		t.Errorf("no data: %v", err)
	}
	if err := (Event{Name: "RESET", Data: json.RawMessage(`7`)}).Decode(&got); err == nil {
		t.Error("number decoded into a struct")
	}
}

func TestExecute_ManyAtOnceOnOneConnection(t *testing.T) {
	t.Parallel()
	const commands = 500
	c := mustDial(t, serve(t, func(p *peer) {
		p.negotiate()
		for range commands {
			q := p.recv()
			p.reply(q.ID, string(q.Arguments))
		}
		p.recv()
	}))
	var wg sync.WaitGroup
	for i := range commands {
		wg.Go(func() {
			var got int
			if err := c.Execute(t.Context(), "echo", i+1, &got); err != nil || got != i+1 {
				t.Errorf("got %d, %v, want %d", got, err, i+1)
			}
		})
	}
	wg.Wait()
}
