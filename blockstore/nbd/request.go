// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"encoding/binary"
	"fmt"
)

// request is the header of a command.
type request struct {
	flags  uint16
	typ    uint16
	cookie uint64
	off    uint64
	length uint32
	total  uint32 // length as it was sent; length shrinks while a large read is answered in pieces
}

// parseRequest reads a header; a wrong magic means that the stream is out of step and cannot go on.
func parseRequest(b []byte) (request, error) {
	if m := binary.BigEndian.Uint32(b); m != magicRequest {
		return request{}, fmt.Errorf("request magic %#x", m)
	}
	length := binary.BigEndian.Uint32(b[24:])
	return request{
		flags:  binary.BigEndian.Uint16(b[4:]),
		typ:    binary.BigEndian.Uint16(b[6:]),
		cookie: binary.BigEndian.Uint64(b[8:]),
		off:    binary.BigEndian.Uint64(b[16:]),
		length: length,
		total:  length,
	}, nil
}

func (q *request) fua() bool { return q.flags&cmdFlagFUA != 0 }

// knownFlags are the flags each command may carry.
var knownFlags = [...]uint16{
	cmdRead:        cmdFlagFUA | cmdFlagDF,
	cmdWrite:       cmdFlagFUA,
	cmdDisc:        0,
	cmdFlush:       cmdFlagFUA,
	cmdTrim:        cmdFlagFUA,
	cmdCache:       cmdFlagFUA,
	cmdWriteZeroes: cmdFlagFUA | cmdFlagNoHole | cmdFlagFastZero,
	cmdBlockStatus: cmdFlagFUA | cmdFlagReqOne,
}

// check refuses what makes no sense, before the engine sees it. Its errors have the numbers proto.md asks for: ENOSPC
// for a write behind the end, EINVAL for everything else.
func (c *conn) check(q *request) error {
	if int(q.typ) >= len(knownFlags) {
		return refuse(nbdEINVAL, "unknown command %d", q.typ)
	}
	if bad := q.flags &^ knownFlags[q.typ]; bad != 0 {
		return refuse(nbdEINVAL, "command %d with flags %#x", q.typ, bad)
	}
	if q.typ == cmdFlush {
		if q.off != 0 || q.length != 0 {
			return refuse(nbdEINVAL, "flush of a range")
		}
		return nil
	}
	if c.srv.cfg.ReadOnly && (q.typ == cmdWrite || q.typ == cmdTrim || q.typ == cmdWriteZeroes) {
		return refuse(nbdEPERM, "export is read-only")
	}
	if q.length == 0 {
		return refuse(nbdEINVAL, "command %d of no bytes", q.typ)
	}
	if (q.typ == cmdRead || q.typ == cmdWrite) && q.length > MaxRequestBytes {
		return refuse(nbdEINVAL, "%d bytes at once, at most %d", q.length, MaxRequestBytes)
	}
	if size := uint64(c.srv.cfg.Volume.Size()); q.off > size || uint64(q.length) > size-q.off {
		code := uint32(nbdEINVAL)
		if q.typ == cmdWrite || q.typ == cmdWriteZeroes {
			code = nbdENOSPC
		}
		return refuse(code, "%d bytes at %d of %d", q.length, q.off, size)
	}
	return c.checkNegotiated(q)
}

// checkNegotiated refuses what this client has not asked for in its negotiation.
func (c *conn) checkNegotiated(q *request) error {
	if q.flags&cmdFlagDF != 0 && q.typ == cmdRead && !c.structured {
		return refuse(nbdEINVAL, "DF without structured replies")
	}
	if q.typ == cmdBlockStatus && !c.allocation {
		return refuse(nbdEINVAL, "no meta context was selected")
	}
	if q.flags&cmdFlagFastZero != 0 && q.typ == cmdWriteZeroes {
		if f := c.srv.fastZero; f == nil || !f.FastZero(q.flags&cmdFlagNoHole == 0) {
			return refuse(nbdENOTSUP, "zeroing is not fast")
		}
	}
	return nil
}
