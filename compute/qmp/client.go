// SPDX-License-Identifier: Apache-2.0

package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// HandshakeTimeout bounds the greeting and the capabilities exchange of Dial when the context has no earlier deadline.
	HandshakeTimeout = 5 * time.Second
	// EventBuffer is how many events wait for a slow reader before the oldest is dropped.
	EventBuffer = 256
	// maxLine bounds one line of the server; query-qmp-schema, the longest answer known, has about 500 KB.
	maxLine = 16 << 20
)

var (
	// ErrClosed is wrapped by every error of a connection that has ended, whoever ended it.
	ErrClosed = errors.New("qmp connection closed")
	// ErrNoGreeting says that the socket accepted but QEMU did not greet in time: another client holds it, or QEMU hangs.
	ErrNoGreeting = errors.New("no qmp greeting (is another client connected?)")
)

// Client is one QMP connection; see the package comment for its rules.
type Client struct {
	conn   net.Conn
	events chan Event
	done   chan struct{} // closed by the reader when it has ended

	writeMu sync.Mutex // serialises whole lines; never held with mu

	mu      sync.Mutex
	pending map[string]chan message // nil once the connection has ended
	nextID  uint64
	err     error // why the connection ended, set before done is closed

	dropped atomic.Uint64
}

// Dial connects to the QMP unix socket at path and negotiates capabilities. The context bounds the handshake alone.
func Dial(ctx context.Context, path string) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("dial qmp: %w", err)
	}
	c, err := handshake(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("dial qmp %s: %w", path, err)
	}
	return c, nil
}

// handshake reads the greeting, starts the reader and leaves negotiation mode. ctx must have a deadline.
func handshake(ctx context.Context, conn net.Conn) (*Client, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	r := bufio.NewReaderSize(conn, 64<<10)
	line, err := readLine(r)
	if !stop() {
		return nil, ErrNoGreeting
	}
	if err != nil {
		var nerr net.Error
		if errors.As(err, &nerr) && nerr.Timeout() {
			return nil, ErrNoGreeting
		}
		return nil, fmt.Errorf("read greeting: %w", err)
	}
	m, err := decodeLine(line)
	if err != nil {
		return nil, fmt.Errorf("read greeting: %w", err)
	}
	if m.greeting == nil {
		return nil, fmt.Errorf("%w: first line is not a greeting: %s", errMalformed, excerpt(line))
	}
	// The reader never runs under a deadline: a bufio.Reader that timed out once may have lost half a line.
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c := &Client{
		conn:    conn,
		events:  make(chan Event, EventBuffer),
		done:    make(chan struct{}),
		pending: map[string]chan message{},
	}
	go c.read(r)
	if err := c.Execute(ctx, "qmp_capabilities", nil, nil); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Execute runs one command and waits for its reply. args is marshalled to the command's arguments (nil for none); the reply is
// decoded into result unless that is nil. A refusal is an *Error; a connection that ended wraps ErrClosed. When ctx ends first
// the connection is closed, because the stream may be out of step from then on.
func (c *Client) Execute(ctx context.Context, command string, args, result any) error {
	id, reply, err := c.register()
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	line, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        string `json:"id"`
	}{command, args, id})
	if err != nil {
		c.forget(id)
		return fmt.Errorf("%s: marshal arguments: %w", command, err)
	}
	if err := c.write(ctx, append(line, '\n')); err != nil {
		c.fail(err)
		return fmt.Errorf("%s: %w: %w", command, ErrClosed, err)
	}
	select {
	case m, ok := <-reply:
		if !ok {
			return fmt.Errorf("%s: %w", command, c.Err())
		}
		if m.err != nil {
			return fmt.Errorf("%s: %w", command, m.err)
		}
		if result == nil {
			return nil
		}
		if err := json.Unmarshal(m.result, result); err != nil {
			return fmt.Errorf("%s: decode reply: %w", command, err)
		}
		return nil
	case <-ctx.Done():
		c.fail(fmt.Errorf("command %s got no reply: %w", command, ctx.Err()))
		return fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

// Events delivers QEMU's events in the order they were sent. When nobody reads, the oldest are dropped (see Dropped). The
// channel is closed when the connection ends, after the last event.
func (c *Client) Events() <-chan Event { return c.events }

// Dropped says how many events were discarded because nobody read them in time.
func (c *Client) Dropped() uint64 { return c.dropped.Load() }

// Done is closed when the connection has ended and the reader goroutine is gone.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the connection ended; nil while it lives. It wraps ErrClosed.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and waits for the reader. Waiting commands fail with ErrClosed. It may be called twice.
func (c *Client) Close() error {
	c.fail(errors.New("closed by this side"))
	<-c.done
	return nil
}

func (c *Client) register() (string, chan message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		return "", nil, c.err
	}
	c.nextID++
	id := strconv.FormatUint(c.nextID, 10)
	reply := make(chan message, 1) // the reader never blocks on a waiter
	c.pending[id] = reply
	return id, reply, nil
}

func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// write sends one line. A QEMU that does not read its socket must not hold a caller beyond its context.
func (c *Client) write(ctx context.Context, line []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetWriteDeadline(time.Unix(1, 0)) })
	_, err := c.conn.Write(line)
	if !stop() && err == nil { // the deadline may be armed for the next line already
		return ctx.Err()
	}
	return err
}

// fail ends the connection with a cause; the first cause wins.
func (c *Client) fail(cause error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	for _, reply := range c.pending {
		close(reply)
	}
	c.pending = nil
	c.mu.Unlock()
	_ = c.conn.Close()
}

// read is the reader goroutine.
func (c *Client) read(r *bufio.Reader) {
	defer close(c.done)
	defer close(c.events)
	for {
		line, err := readLine(r)
		if err != nil {
			c.fail(err)
			return
		}
		m, err := decodeLine(line)
		if err != nil {
			c.fail(err)
			return
		}
		if err := c.dispatch(m); err != nil {
			c.fail(err)
			return
		}
	}
}

func (c *Client) dispatch(m message) error {
	switch {
	case m.event != nil:
		c.publish(*m.event)
		return nil
	case m.greeting != nil:
		return fmt.Errorf("%w: second greeting", errMalformed)
	case !m.hasID:
		return fmt.Errorf("%w: reply without id: %v", errMalformed, m.err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if reply, ok := c.pending[m.id]; ok {
		delete(c.pending, m.id)
		reply <- m
	}
	return nil
}

// publish queues an event, making room by dropping the oldest: the newest tells more about the state.
func (c *Client) publish(e Event) {
	for {
		select {
		case c.events <- e:
			return
		default:
		}
		select {
		case <-c.events:
			c.dropped.Add(1)
		default: // the reader of Events was faster
		}
	}
}

// readLine returns the next line without its line end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && long == nil {
			return trimEnd(part), nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && len(long)+len(part) > 0 {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if long = append(long, part...); len(long) > maxLine {
			return nil, fmt.Errorf("%w: longer than %d bytes", errMalformed, maxLine)
		}
		if err == nil {
			return trimEnd(long), nil
		}
	}
}

func trimEnd(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}
