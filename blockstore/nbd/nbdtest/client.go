// SPDX-License-Identifier: Apache-2.0

// Package nbdtest is a small NBD client for tests: one request at a time, structured replies, base:allocation. It
// checks the protocol as it goes and has no other ambition. It owns no goroutines. Start at [Dial].
package nbdtest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Flags of commands, as proto.md numbers them.
const (
	FUA      = 1 << 0
	NoHole   = 1 << 1
	ReqOne   = 1 << 3
	FastZero = 1 << 4
)

// Error is an error the server answered.
type Error struct {
	Code uint32
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("nbd error %d: %s", e.Code, e.Text) }

// Client is one connection in the transmission phase.
type Client struct {
	Conn   net.Conn
	Size   uint64
	Flags  uint16
	cookie uint64
}

// Dial connects to a unix socket and negotiates the export. Every step of its life must end before the deadline.
func Dial(socket, export string, deadline time.Duration) (*Client, error) {
	nc, err := net.DialTimeout("unix", socket, deadline)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(deadline))
	c, err := Negotiate(nc, export)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// Negotiate does the handshake on a connection.
func Negotiate(nc net.Conn, export string) (*Client, error) {
	c := &Client{Conn: nc}
	var hello [18]byte
	if _, err := io.ReadFull(nc, hello[:]); err != nil {
		return nil, fmt.Errorf("read greeting: %w", err)
	}
	if string(hello[:16]) != "NBDMAGICIHAVEOPT" {
		return nil, fmt.Errorf("greeting %q", hello)
	}
	if _, err := nc.Write([]byte{0, 0, 0, 3}); err != nil {
		return nil, err
	}
	name := append(binary.BigEndian.AppendUint32(nil, uint32(len(export))), export...)
	query := binary.BigEndian.AppendUint32(append([]byte(nil), name...), 1)
	query = append(binary.BigEndian.AppendUint32(query, 15), "base:allocation"...)
	for _, o := range []struct {
		number uint32
		data   []byte
	}{{8, nil}, {10, query}, {7, append(append([]byte(nil), name...), 0, 0)}} {
		if err := c.option(o.number, o.data); err != nil {
			return nil, fmt.Errorf("option %d: %w", o.number, err)
		}
	}
	return c, nil
}

// option sends an option and reads its replies up to the acknowledgement.
func (c *Client) option(number uint32, data []byte) error {
	b := append([]byte("IHAVEOPT"), 0, 0, 0, byte(number))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	if _, err := c.Conn.Write(append(b, data...)); err != nil {
		return err
	}
	for {
		var h [20]byte
		if _, err := io.ReadFull(c.Conn, h[:]); err != nil {
			return err
		}
		if binary.BigEndian.Uint64(h[:]) != 0x3e889045565a9 || binary.BigEndian.Uint32(h[8:]) != number {
			return fmt.Errorf("reply %x", h)
		}
		kind := binary.BigEndian.Uint32(h[12:])
		d := make([]byte, binary.BigEndian.Uint32(h[16:]))
		if _, err := io.ReadFull(c.Conn, d); err != nil {
			return err
		}
		switch {
		case kind == 1:
			return nil
		case kind&(1<<31) != 0:
			return &Error{Code: kind, Text: string(d)}
		case kind == 3 && d[0] == 0 && d[1] == 0:
			c.Size, c.Flags = binary.BigEndian.Uint64(d[2:]), binary.BigEndian.Uint16(d[10:])
		}
	}
}

// Do sends a command and returns the payload of its reply: the data of a read, or the pairs of a block status.
func (c *Client) Do(typ, flags uint16, off uint64, length uint32, payload []byte) ([]byte, error) {
	if err := c.Send(typ, flags, off, length, payload); err != nil {
		return nil, err
	}
	return c.Receive(off, length)
}

// Send sends a command and does not wait.
func (c *Client) Send(typ, flags uint16, off uint64, length uint32, payload []byte) error {
	c.cookie++
	b := binary.BigEndian.AppendUint32(nil, 0x25609513)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint64(b, c.cookie)
	b = binary.BigEndian.AppendUint64(b, off)
	b = binary.BigEndian.AppendUint32(b, length)
	_, err := c.Conn.Write(append(b, payload...))
	return err
}

// Receive reads the reply of the last command.
func (c *Client) Receive(off uint64, length uint32) ([]byte, error) {
	var out []byte
	var failure error
	for {
		var magic [4]byte
		if _, err := io.ReadFull(c.Conn, magic[:]); err != nil {
			return nil, fmt.Errorf("read reply: %w", err)
		}
		if binary.BigEndian.Uint32(magic[:]) == 0x67446698 {
			return nil, c.simple()
		}
		var h [16]byte
		if _, err := io.ReadFull(c.Conn, h[:]); err != nil {
			return nil, fmt.Errorf("read reply: %w", err)
		}
		if m := binary.BigEndian.Uint32(magic[:]); m != 0x668e33ef || binary.BigEndian.Uint64(h[4:]) != c.cookie {
			return nil, fmt.Errorf("reply magic %#x, cookie %d of %d", m, binary.BigEndian.Uint64(h[4:]), c.cookie)
		}
		d := make([]byte, binary.BigEndian.Uint32(h[12:]))
		if _, err := io.ReadFull(c.Conn, d); err != nil {
			return nil, fmt.Errorf("read reply: %w", err)
		}
		switch kind := binary.BigEndian.Uint16(h[2:]); kind {
		case 0:
		case 1:
			if out == nil {
				out = make([]byte, length)
			}
			copy(out[binary.BigEndian.Uint64(d)-off:], d[8:])
		case 5:
			out = d[4:]
		case 1<<15 | 1:
			failure = &Error{Code: binary.BigEndian.Uint32(d), Text: string(d[6:])}
		default:
			return nil, fmt.Errorf("chunk type %d", kind)
		}
		if binary.BigEndian.Uint16(h[:])&1 != 0 {
			return out, failure
		}
	}
}

func (c *Client) simple() error {
	var h [12]byte
	if _, err := io.ReadFull(c.Conn, h[:]); err != nil {
		return fmt.Errorf("read reply: %w", err)
	}
	if got := binary.BigEndian.Uint64(h[4:]); got != c.cookie {
		return fmt.Errorf("reply to request %d, want %d", got, c.cookie)
	}
	if code := binary.BigEndian.Uint32(h[:]); code != 0 {
		return &Error{Code: code}
	}
	return nil
}

// Read reads n bytes at off.
func (c *Client) Read(off uint64, n uint32) ([]byte, error) { return c.Do(0, 0, off, n, nil) }

// Write writes data at off.
func (c *Client) Write(off uint64, data []byte, flags uint16) error {
	_, err := c.Do(1, flags, off, uint32(len(data)), data)
	return err
}

// Flush flushes.
func (c *Client) Flush() error {
	_, err := c.Do(3, 0, 0, 0, nil)
	return err
}

// Trim discards a range.
func (c *Client) Trim(off uint64, n uint32) error {
	_, err := c.Do(4, 0, off, n, nil)
	return err
}

// Zero zeroes a range.
func (c *Client) Zero(off uint64, n uint32, flags uint16) error {
	_, err := c.Do(6, flags, off, n, nil)
	return err
}

// BlockStatus maps a range: lengths and states, in turns.
func (c *Client) BlockStatus(off uint64, n uint32, flags uint16) ([]uint32, error) {
	b, err := c.Do(7, flags, off, n, nil)
	var list []uint32
	for ; len(b) >= 4; b = b[4:] {
		list = append(list, binary.BigEndian.Uint32(b))
	}
	return list, err
}

// Close says goodbye and hangs up.
func (c *Client) Close() error {
	c.Send(2, 0, 0, 0, nil)
	return c.Conn.Close()
}
