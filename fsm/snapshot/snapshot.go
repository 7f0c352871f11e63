// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/hashicorp/go-msgpack/v2/codec"

	"github.com/hivecloud/hive/fsm/state"
)

const (
	magic      = "HIVESNAP"
	version    = 1
	trailerID  = 0xFFFF
	maxHeader  = 64 << 10
	maxRow     = 8 << 20
	plainRow   = 16 << 10 // rows up to this are read at once; nearly all are
	fixedStart = len(magic) + 2 + 4
)

// Errors of Read.
var (
	// ErrCorrupt is a snapshot whose bytes are not what was written.
	ErrCorrupt = errors.New("corrupt snapshot")
	// ErrVersion is a snapshot of a format or a region format level that this binary does not know.
	ErrVersion = errors.New("snapshot of an unknown version")
)

// Header says what a snapshot holds.
type Header struct {
	FormatLevel int
	Index       uint64 // the last applied log index
	Time        int64  // the newest command time, nanoseconds since 1970
	ClusterID   string
	StateHash   [32]byte
}

var crcTable = crc32.MakeTable(crc32.Castagnoli)

func handle() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.Canonical = true
	h.ErrorIfNoField = true
	h.RawToString = true
	return h
}

// writer sums up everything that passes.
type writer struct {
	w   *bufio.Writer
	sum hash.Hash
	crc uint32
}

func (w *writer) put(parts ...any) error {
	for _, p := range parts {
		var b []byte
		switch p := p.(type) {
		case []byte:
			b = p
		case uint16:
			b = binary.BigEndian.AppendUint16(nil, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(nil, p)
		case uint64:
			b = binary.BigEndian.AppendUint64(nil, p)
		}
		w.sum.Write(b)
		w.crc = crc32.Update(w.crc, crcTable, b)
		if _, err := w.w.Write(b); err != nil {
			return fmt.Errorf("write snapshot: %w", err)
		}
	}
	return nil
}

// Write writes a view.
func Write(out io.Writer, head Header, view *state.View) error {
	w := &writer{w: bufio.NewWriterSize(out, 1<<20), sum: sha256.New()}
	var h []byte
	if err := codec.NewEncoderBytes(&h, handle()).Encode(head); err != nil {
		return fmt.Errorf("encode snapshot header: %w", err)
	}
	if err := w.put([]byte(magic), uint16(version), uint32(len(h)), h); err != nil {
		return err
	}
	if err := w.put(w.crc); err != nil {
		return err
	}
	var total uint64
	for _, t := range state.Tables() {
		n := uint64(t.Count(view))
		if t.Since() > head.FormatLevel {
			if n > 0 {
				return fmt.Errorf("write snapshot: table %s has %d rows and the region's format level is %d", t.Name(), n, head.FormatLevel)
			}
			continue // a binary that knows no newer level has to be able to read it
		}
		total += n
		w.crc = 0
		if err := w.put(t.ID(), n); err != nil {
			return err
		}
		if err := t.Encode(view, func(row []byte) error { return w.put(uint32(len(row)), row) }); err != nil {
			return err
		}
		if err := w.put(w.crc); err != nil {
			return err
		}
	}
	if err := w.put(uint16(trailerID), total); err != nil {
		return err
	}
	if err := w.put(w.sum.Sum(nil)); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// reader sums up everything that passes.
type reader struct {
	r   *bufio.Reader
	sum hash.Hash
	crc uint32
}

func (r *reader) take(n int) ([]byte, error) {
	b := make([]byte, min(n, plainRow))
	_, err := io.ReadFull(r.r, b)
	if err == nil && n > plainRow {
		// Grow with what really arrives: a damaged length must not allocate megabytes.
		long := bytes.NewBuffer(b)
		_, err = io.CopyN(long, r.r, int64(n-plainRow))
		b = long.Bytes()
	}
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w: %w", ErrCorrupt, err)
	}
	r.sum.Write(b)
	r.crc = crc32.Update(r.crc, crcTable, b)
	return b, nil
}

func (r *reader) checkCRC() error {
	want := r.crc
	b, err := r.take(4)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) != want {
		return fmt.Errorf("read snapshot: checksum: %w", ErrCorrupt)
	}
	return nil
}

// ReadHeader reads only the header.
func ReadHeader(in io.Reader) (Header, error) {
	return (&reader{r: bufio.NewReader(in), sum: sha256.New()}).header()
}

func (r *reader) header() (Header, error) {
	b, err := r.take(fixedStart)
	if err != nil {
		return Header{}, err
	}
	if string(b[:len(magic)]) != magic {
		return Header{}, fmt.Errorf("read snapshot: not a snapshot: %w", ErrCorrupt)
	}
	if v := binary.BigEndian.Uint16(b[len(magic):]); v != version {
		return Header{}, fmt.Errorf("read snapshot of format %d: %w", v, ErrVersion)
	}
	n := binary.BigEndian.Uint32(b[len(magic)+2:])
	if n > maxHeader {
		return Header{}, fmt.Errorf("read snapshot: header of %d bytes: %w", n, ErrCorrupt)
	}
	h, err := r.take(int(n))
	if err != nil {
		return Header{}, err
	}
	if err := r.checkCRC(); err != nil {
		return Header{}, err
	}
	var head Header
	if err := codec.NewDecoderBytes(h, handle()).Decode(&head); err != nil {
		return Header{}, fmt.Errorf("read snapshot header: %w: %w", ErrCorrupt, err)
	}
	if head.FormatLevel < 1 || head.FormatLevel > state.FormatLevel {
		return Header{}, fmt.Errorf("read snapshot of region format level %d: %w", head.FormatLevel, ErrVersion)
	}
	return head, nil
}

// Read reads a whole snapshot into a new store.
func Read(in io.Reader) (Header, *state.Store, error) {
	r := &reader{r: bufio.NewReaderSize(in, 1<<20), sum: sha256.New()}
	head, err := r.header()
	if err != nil {
		return Header{}, nil, err
	}
	store := state.NewStore()
	tx := store.Begin()
	var total uint64
	for _, t := range state.TablesOf(head.FormatLevel) {
		n, err := r.section(t, tx)
		if err != nil {
			tx.Abort()
			return Header{}, nil, err
		}
		total += n
	}
	if err := r.trailer(total); err != nil {
		tx.Abort()
		return Header{}, nil, err
	}
	tx.Commit()
	return head, store, nil
}

func (r *reader) section(t state.AnyTable, tx *state.Txn) (uint64, error) {
	r.crc = 0
	b, err := r.take(10)
	if err != nil {
		return 0, err
	}
	if id := binary.BigEndian.Uint16(b); id != t.ID() {
		return 0, fmt.Errorf("read snapshot: table %d where %s (%d) was expected: %w", id, t.Name(), t.ID(), ErrVersion)
	}
	n := binary.BigEndian.Uint64(b[2:])
	for range n {
		b, err := r.take(4)
		if err != nil {
			return 0, err
		}
		length := binary.BigEndian.Uint32(b)
		if length > maxRow {
			return 0, fmt.Errorf("read snapshot: row of %d bytes in table %s: %w", length, t.Name(), ErrCorrupt)
		}
		row, err := r.take(int(length))
		if err != nil {
			return 0, err
		}
		if err := t.Decode(tx, row); err != nil {
			return 0, fmt.Errorf("read snapshot: %w: %w", ErrCorrupt, err)
		}
	}
	if err := r.checkCRC(); err != nil {
		return 0, err
	}
	if got := uint64(t.Count(tx.View)); got != n {
		return 0, fmt.Errorf("read snapshot: table %s says %d rows and holds %d: %w", t.Name(), n, got, ErrCorrupt)
	}
	return n, nil
}

func (r *reader) trailer(total uint64) error {
	b, err := r.take(10)
	if err != nil {
		return err
	}
	want := r.sum.Sum(nil)
	if binary.BigEndian.Uint16(b) != trailerID || binary.BigEndian.Uint64(b[2:]) != total {
		return fmt.Errorf("read snapshot: trailer: %w", ErrCorrupt)
	}
	sum, err := r.take(sha256.Size)
	if err != nil {
		return err
	}
	if !bytes.Equal(sum, want) {
		return fmt.Errorf("read snapshot: SHA-256: %w", ErrCorrupt)
	}
	if _, err := r.r.ReadByte(); err != io.EOF {
		return fmt.Errorf("read snapshot: bytes after the trailer: %w", ErrCorrupt)
	}
	return nil
}

// Inspect reads a snapshot and counts its rows by table name.
func Inspect(in io.Reader) (Header, []TableCount, error) {
	head, store, err := Read(in)
	if err != nil {
		return Header{}, nil, err
	}
	view := store.View()
	var counts []TableCount
	for _, t := range state.Tables() {
		counts = append(counts, TableCount{t.Name(), t.Count(view)})
	}
	return head, counts, nil
}

// TableCount is a table's name and number of rows.
type TableCount struct {
	Table string
	Rows  int
}
