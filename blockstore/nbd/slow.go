// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/blockstore"
)

// handOver starts a goroutine for a request that may wait. It blocks while too much is under way.
func (c *conn) handOver(q *request, start time.Time) error {
	cost := int64(slowCost)
	if q.typ == cmdRead {
		cost = max(cost, int64(q.length))
	}
	if !c.budget.TryAcquire(cost) {
		if err := c.flushReplies(); err != nil {
			return err
		}
		if err := c.budget.Acquire(c.srv.ctx, cost); err != nil {
			return blockstore.ErrClosed
		}
	}
	own := *q
	c.slow.Go(func() {
		buf := slowBuffers.Get().(*[]byte)
		data := c.execute((*buf)[:0], &own, start)
		c.send(slowReply{data: data, sent: func() {
			*buf = data
			slowBuffers.Put(buf)
			c.budget.Release(cost)
		}})
	})
	return nil
}

// slowBuffers holds replies that were sent: a fresh megabyte for every read costs more than reading it.
var slowBuffers = sync.Pool{New: func() any { return new([]byte) }}

// execute does a request and appends its reply to b.
func (c *conn) execute(b []byte, q *request, start time.Time) []byte {
	switch q.typ {
	case cmdRead:
		return c.executeRead(b, q, start)
	case cmdBlockStatus:
		return c.executeBlockStatus(b, q)
	}
	err := c.change(q)
	c.srv.cfg.Counters.count(q, start, err)
	return c.appendResult(b, q, err)
}

// change does the commands whose reply is only a result. Of a write, the data is there and FUA is what is left.
func (c *conn) change(q *request) error {
	vol, ctx := c.srv.cfg.Volume, c.srv.ctx
	off, n := int64(q.off), int64(q.length)
	switch q.typ {
	case cmdWrite, cmdFlush:
		return vol.Flush(ctx)
	case cmdTrim:
		if err := vol.Trim(ctx, off, n); err != nil || !q.fua() {
			return err
		}
		return vol.Flush(ctx)
	case cmdWriteZeroes:
		return vol.Zero(ctx, off, n, q.flags&cmdFlagNoHole == 0, q.fua())
	case cmdCache:
		return c.warm(off, n)
	}
	return refuse(nbdEINVAL, "unknown command %d", q.typ)
}

// warm reads a range and drops it: it is in the engine's cache afterwards.
func (c *conn) warm(off, n int64) error {
	if c.srv.immediate {
		return nil
	}
	buf := make([]byte, min(n, readPiece))
	for n > 0 {
		part := buf[:min(n, readPiece)]
		if err := c.srv.cfg.Volume.ReadAt(c.srv.ctx, part, off); err != nil {
			return err
		}
		off, n = off+int64(len(part)), n-int64(len(part))
	}
	return nil
}

// executeRead reads all into the reply. Without an error the reply is one chunk; an error replaces it.
func (c *conn) executeRead(b []byte, q *request, start time.Time) []byte {
	mark, n := len(b), int(q.length)
	b = slices.Grow(b, c.readHeaderBytes()+n)
	b = c.appendReadHeader(b, q.cookie, q.off, n, true)
	data := len(b)
	b = b[:data+n]
	err := c.srv.cfg.Volume.ReadAt(c.srv.ctx, b[data:], int64(q.off))
	c.srv.cfg.Counters.count(q, start, err)
	if err != nil {
		return c.appendResult(b[:mark], q, err)
	}
	return b
}

// executeBlockStatus maps a range. What it cannot fit it leaves out: the client asks again from there.
func (c *conn) executeBlockStatus(b []byte, q *request) []byte {
	extents, err := c.srv.cfg.Volume.Extents(c.srv.ctx, int64(q.off), int64(q.length))
	if err == nil && len(extents) == 0 {
		err = errors.New("engine returned no extents")
	}
	if err != nil {
		return c.appendResult(b, q, err)
	}
	if q.flags&cmdFlagReqOne != 0 {
		extents = extents[:1]
	}
	b = appendChunk(b, q.cookie, chunkDone, chunkBlockStatus, uint32(4+8*len(extents)))
	b = binary.BigEndian.AppendUint32(b, allocationContextID)
	for _, e := range extents {
		var state uint32
		if e.Hole {
			state = stateHole | stateZero
		}
		b = binary.BigEndian.AppendUint32(b, uint32(e.Len))
		b = binary.BigEndian.AppendUint32(b, state)
	}
	return b
}
