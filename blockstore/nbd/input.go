// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"io"
	"net"
	"syscall"
)

// input reads from a connection and calls idle when nothing is there to read, before it waits. That is the moment
// to send the replies that piled up: earlier costs system calls, later costs the client its time.
//
// Looking only at the read buffer instead would send after every request of a client that writes them one by one,
// though the next is already in the socket.
type input struct {
	nc   net.Conn
	raw  syscall.RawConn // nil when nc is no socket: idle is called before every read
	idle func() error

	// of the read under way; step is a field so that a read allocates nothing
	step func(fd uintptr) bool
	p    []byte
	n    int
	err  error
	told bool
}

func newInput(nc net.Conn, idle func() error) *input {
	in := &input{nc: nc, idle: idle}
	if sc, ok := nc.(syscall.Conn); ok {
		in.raw, _ = sc.SyscallConn()
	}
	in.step = in.try
	return in
}

// Read is io.Reader.
func (in *input) Read(p []byte) (int, error) {
	if in.raw == nil {
		if err := in.idle(); err != nil {
			return 0, err
		}
		return in.nc.Read(p)
	}
	in.p, in.n, in.err, in.told = p, 0, nil, false
	if err := in.raw.Read(in.step); err != nil {
		return 0, err
	}
	if in.n == 0 && in.err == nil && len(p) > 0 {
		return 0, io.EOF
	}
	return in.n, in.err
}

// try reads once; false makes the runtime wait until there is something and call again.
func (in *input) try(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), in.p)
		switch {
		case err == nil:
			in.n = n
			return true
		case err == syscall.EINTR:
		case err != syscall.EAGAIN:
			in.err = err
			return true
		case in.told:
			return false
		default:
			in.told = true
			if in.err = in.idle(); in.err != nil {
				return true
			}
			return false
		}
	}
}
