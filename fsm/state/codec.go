// SPDX-License-Identifier: Apache-2.0

package state

import (
	"io"
	"sync"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// rowHandle encodes rows: canonical (sorted maps), strict when decoding.
var rowHandle = func() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.Canonical = true
	h.ErrorIfNoField = true
	h.RawToString = true
	return h
}()

// keptRow is how long in bytes a row may be whose buffer is used again.
const keptRow = 64 << 10

// rowEncoder is an encoder and its buffer. Making new ones for each row was a third of the time of a snapshot.
type rowEncoder struct {
	enc *codec.Encoder
	buf []byte
}

var (
	rowEncoders = sync.Pool{New: func() any {
		e := &rowEncoder{}
		e.enc = codec.NewEncoderBytes(&e.buf, rowHandle)
		return e
	}}
	rowDecoders = sync.Pool{New: func() any { return codec.NewDecoderBytes(nil, rowHandle) }}
)

// encodeRow calls use with the row's encoding, which use must not keep, and answers with what use returned.
func encodeRow(row any, use func([]byte) error) error {
	e := rowEncoders.Get().(*rowEncoder)
	e.enc.ResetBytes(&e.buf)
	if err := e.enc.Encode(row); err != nil {
		panic("encode row: " + err.Error())
	}
	err := use(e.buf)
	if cap(e.buf) > keptRow {
		e.buf = nil
	}
	rowEncoders.Put(e)
	return err
}

// decodeRow decodes into an empty row. Nothing in it refers to b afterwards.
func decodeRow(b []byte, row any) error {
	if len(b) == 0 {
		return io.ErrUnexpectedEOF // the decoder would go on with the row before
	}
	d := rowDecoders.Get().(*codec.Decoder)
	d.ResetBytes(b)
	if err := d.Decode(row); err != nil {
		return err // and the decoder, in whatever state it is, is not used again
	}
	rowDecoders.Put(d)
	return nil
}
