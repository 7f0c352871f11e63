// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"sync/atomic"
	"time"
)

// Counters count the requests of a volume over all its connections. The zero value is ready.
type Counters struct {
	read, write, flush, trim, zero opCounter
}

type opCounter struct {
	ops, bytes, errors, nanos atomic.Uint64
}

// OpStats are the totals of one kind of request.
type OpStats struct {
	Ops    uint64        `json:"ops"`
	Bytes  uint64        `json:"bytes"`
	Errors uint64        `json:"errors"` // of Ops, those answered with an error
	Time   time.Duration `json:"time"`   // summed from the receipt of the request to its result, in nanoseconds
}

// Stats are the totals of all requests since the counters were made.
type Stats struct {
	Read  OpStats `json:"read"`
	Write OpStats `json:"write"`
	Flush OpStats `json:"flush"`
	Trim  OpStats `json:"trim"`
	Zero  OpStats `json:"zero"`
}

// Stats reads the counters; requests under way may show in some and not yet in others.
func (c *Counters) Stats() Stats {
	return Stats{Read: c.read.stats(), Write: c.write.stats(), Flush: c.flush.stats(), Trim: c.trim.stats(), Zero: c.zero.stats()}
}

func (o *opCounter) stats() OpStats {
	return OpStats{Ops: o.ops.Load(), Bytes: o.bytes.Load(), Errors: o.errors.Load(), Time: time.Duration(o.nanos.Load())}
}

// count adds a request that began at start and is done now. CACHE and BLOCK_STATUS are not counted: they move nothing.
func (c *Counters) count(q *request, start time.Time, err error) {
	var o *opCounter
	switch q.typ {
	case cmdRead:
		o = &c.read
	case cmdWrite:
		o = &c.write
	case cmdFlush:
		o = &c.flush
	case cmdTrim:
		o = &c.trim
	case cmdWriteZeroes:
		o = &c.zero
	default:
		return
	}
	o.ops.Add(1)
	o.nanos.Add(uint64(time.Since(start)))
	if err != nil {
		o.errors.Add(1)
		return
	}
	o.bytes.Add(uint64(q.total))
}
