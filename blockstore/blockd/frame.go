// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

const (
	frameMagic     = "HVBD"
	frameVersion   = 1
	kindRequest    = 1
	kindAnswer     = 2
	frameHeader    = 12
	maxFrameBytes  = 1 << 20
	maxFrameRights = 4 // room for more than the one that is allowed, so that too many are seen and closed
)

// errVersion says that the other side speaks another version of the protocol.
var errVersion = errors.New("unknown protocol version")

func encodeFrame(kind uint16, body []byte) ([]byte, error) {
	if len(body) > maxFrameBytes {
		return nil, fmt.Errorf("frame of %d bytes, at most %d", len(body), maxFrameBytes)
	}
	b := make([]byte, 0, frameHeader+len(body))
	b = append(b, frameMagic...)
	b = binary.LittleEndian.AppendUint16(b, frameVersion)
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...), nil
}

// readFrame reads one frame of the kind and returns its body. io.EOF means that the other side hung up between frames.
func readFrame(r io.Reader, kind uint16) ([]byte, error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	if string(h[:4]) != frameMagic {
		return nil, fmt.Errorf("frame magic %q", h[:4])
	}
	if v := binary.LittleEndian.Uint16(h[4:]); v != frameVersion {
		return nil, fmt.Errorf("%w %d, this release speaks %d", errVersion, v, frameVersion)
	}
	if k := binary.LittleEndian.Uint16(h[6:]); k != kind {
		return nil, fmt.Errorf("frame of kind %d, want %d", k, kind)
	}
	n := binary.LittleEndian.Uint32(h[8:])
	if n > maxFrameBytes {
		return nil, fmt.Errorf("frame of %d bytes, at most %d", n, maxFrameBytes)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body, nil
}

// rightsReader reads a connection and keeps the descriptors that come with the bytes.
type rightsReader struct {
	conn  *net.UnixConn
	files []*os.File
}

func (r *rightsReader) Read(p []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4*maxFrameRights))
	n, oobn, flags, _, err := r.conn.ReadMsgUnix(p, oob)
	if oobn > 0 {
		if keepErr := r.keep(oob[:oobn]); keepErr != nil && err == nil {
			err = keepErr
		}
	}
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = errors.New("too many descriptors in one message")
	}
	if err == nil && n == 0 && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

func (r *rightsReader) keep(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("parse control message: %w", err)
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return fmt.Errorf("parse descriptors: %w", err)
		}
		for _, fd := range fds {
			r.files = append(r.files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return nil
}

// take returns the descriptors that came since the last call; the caller closes them.
func (r *rightsReader) take() []*os.File {
	files := r.files
	r.files = nil
	return files
}

// sendFrame writes a frame, with a descriptor when file is not nil.
func sendFrame(conn *net.UnixConn, frame []byte, file *os.File) error {
	if file == nil {
		_, err := conn.Write(frame)
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	n := 0
	// Inside Control the descriptor cannot be closed and reused by another file.
	err = raw.Control(func(fd uintptr) {
		n, _, sendErr = conn.WriteMsgUnix(frame, unix.UnixRights(int(fd)), nil)
	})
	if err = errors.Join(err, sendErr); err != nil {
		return err
	}
	if n < len(frame) {
		_, err = conn.Write(frame[n:])
	}
	return err
}
