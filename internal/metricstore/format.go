// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"
)

// The format is drawn in DESIGN.md. Changes need a new version and a reader of the old one.
const (
	magic       = "HIVEMETR"
	version     = 1
	headerBytes = 32
	frameBytes  = 8 // length and checksum before each record's body
)

// The kinds of records.
const (
	recordSubject = 1 // gives a subject a number
	recordMetric  = 2 // gives a metric a number
	recordSample  = 3
)

var (
	errDamaged = errors.New("damaged record")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// appendHeader appends a segment's header.
func appendHeader(b []byte, start time.Time) []byte {
	at := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint64(b, uint64(start.UnixMilli()))
	b = append(b, make([]byte, 8)...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
}

// readHeader reads a segment's header. The version is told even when this program cannot read it.
func readHeader(b []byte) (start int64, v uint32, err error) {
	if len(b) < headerBytes || string(b[:len(magic)]) != magic ||
		crc32.Checksum(b[:headerBytes-4], castagnoli) != binary.LittleEndian.Uint32(b[headerBytes-4:]) {
		return 0, 0, errDamaged
	}
	start = int64(binary.LittleEndian.Uint64(b[12:]))
	if start < 0 || start > 1<<46 {
		return 0, 0, errDamaged
	}
	return start, binary.LittleEndian.Uint32(b[8:]), nil
}

// frame appends a record: body is what fill appends.
func frame(b []byte, fill func([]byte) []byte) []byte {
	at := len(b)
	b = fill(append(b, make([]byte, frameBytes)...))
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-frameBytes))
	sum := crc32.Checksum(b[at:at+4], castagnoli)
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Update(sum, castagnoli, b[at+frameBytes:]))
	return b
}

// unframe cuts the first record off b.
func unframe(b []byte) (body, rest []byte, err error) {
	if len(b) < frameBytes {
		return nil, nil, errDamaged
	}
	n := binary.LittleEndian.Uint32(b)
	if n == 0 || n > maxBody || int(n) > len(b)-frameBytes {
		return nil, nil, errDamaged
	}
	body = b[frameBytes : frameBytes+n]
	sum := crc32.Checksum(b[:4], castagnoli)
	if crc32.Update(sum, castagnoli, body) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, nil, errDamaged
	}
	return body, b[frameBytes+n:], nil
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendSubject(b []byte, id int, s Subject) []byte {
	return frame(b, func(b []byte) []byte {
		b = binary.AppendUvarint(append(b, recordSubject), uint64(id))
		return appendText(appendText(appendText(b, s.Account), s.Kind), s.ID)
	})
}

func appendMetric(b []byte, id int, name string) []byte {
	return frame(b, func(b []byte) []byte {
		return appendText(binary.AppendUvarint(append(b, recordMetric), uint64(id)), name)
	})
}

// maxWhole bounds the values that are written as whole numbers: a float64 holds each of them exactly.
const maxWhole = 1 << 53

// appendSample appends a sample. The time is counted from the segment's start; a clock may go back. Most values are
// small counts, many are zero: whole numbers take as few bytes as they need, which the lowest bit before them tells.
func appendSample(b []byte, subject int, offset int64, metrics []int, values []Value) []byte {
	return frame(b, func(b []byte) []byte {
		b = binary.AppendUvarint(append(b, recordSample), uint64(subject))
		b = binary.AppendVarint(b, offset)
		b = binary.AppendUvarint(b, uint64(len(values)))
		for i, v := range values {
			if v.Value >= 0 && v.Value <= maxWhole && v.Value == math.Trunc(v.Value) && !math.Signbit(v.Value) {
				b = binary.AppendUvarint(b, uint64(metrics[i])<<1|1)
				b = binary.AppendUvarint(b, uint64(v.Value))
				continue
			}
			b = binary.AppendUvarint(b, uint64(metrics[i])<<1)
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Value))
		}
		return b
	})
}

// reader takes fields off a record's body. After the first one that is not there it answers zeros, and err is set.
type reader struct {
	b   []byte
	err error
}

func (r *reader) uvarint() uint64 {
	n, w := binary.Uvarint(r.b)
	return cut(r, n, w)
}

func (r *reader) varint() int64 {
	n, w := binary.Varint(r.b)
	return cut(r, n, w)
}

func cut[T int64 | uint64](r *reader, n T, w int) T {
	if w <= 0 || r.err != nil {
		r.err, r.b = errDamaged, nil
		return 0
	}
	r.b = r.b[w:]
	return n
}

func (r *reader) text() string {
	n := r.uvarint()
	if r.err != nil || n > maxText || int(n) > len(r.b) {
		r.err, r.b = errDamaged, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) float() float64 {
	if r.err != nil || len(r.b) < 8 {
		r.err, r.b = errDamaged, nil
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.b))
	r.b = r.b[8:]
	return v
}

// value is a measurement: a whole number, or the bits of a float64.
func (r *reader) value(whole bool) float64 {
	if !whole {
		return r.float()
	}
	n := r.uvarint()
	if n > maxWhole {
		r.err, r.b = errDamaged, nil
	}
	return float64(n)
}

// end reports an error unless the body was used up.
func (r *reader) end() error {
	if r.err != nil || len(r.b) != 0 {
		return errDamaged
	}
	return nil
}

// record is one decoded record.
type record struct {
	kind    byte
	id      int // of the subject or metric
	subject Subject
	metric  string
	offset  int64
	metrics []int
	values  []float64
}

// readRecord decodes a body. It allocates nothing that the body's length does not bound.
func readRecord(body []byte) (record, error) {
	if len(body) == 0 {
		return record{}, errDamaged
	}
	r, rd := record{kind: body[0]}, &reader{b: body[1:]}
	id := rd.uvarint()
	if id > math.MaxInt32 {
		return record{}, errDamaged
	}
	r.id = int(id)
	switch r.kind {
	case recordSubject:
		r.subject = Subject{Account: rd.text(), Kind: rd.text(), ID: rd.text()}
	case recordMetric:
		r.metric = rd.text()
	case recordSample:
		r.offset = rd.varint()
		n := rd.uvarint()
		if n > maxValues {
			return record{}, errDamaged
		}
		for range n {
			m := rd.uvarint()
			if m > math.MaxInt32 {
				return record{}, errDamaged
			}
			r.metrics, r.values = append(r.metrics, int(m>>1)), append(r.values, rd.value(m&1 == 1))
		}
	default:
		return record{}, errDamaged
	}
	return r, rd.end()
}
