// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// Hash is a rolling hash of a set of rows: four lanes, each the sum modulo 2^64 of the rows' SHA-256 lanes. Adding and
// removing a row commute, so the hash is kept up to date by each write and equal row sets have equal hashes. It finds
// divergence between honest replicas; it is no defence against somebody who chooses rows to collide.
type Hash [4]uint64

// String is the hash in hex.
func (h Hash) String() string {
	var b [32]byte
	for i, lane := range h {
		binary.BigEndian.PutUint64(b[i*8:], lane)
	}
	return hex.EncodeToString(b[:])
}

func (h *Hash) add(table uint16, row any)    { h.fold(table, row, 1) }
func (h *Hash) remove(table uint16, row any) { h.fold(table, row, ^uint64(0)) }

func (h *Hash) fold(table uint16, row any, factor uint64) {
	d := sha256.New()
	var id [2]byte
	binary.BigEndian.PutUint16(id[:], table)
	d.Write(id[:])
	d.Write(encodeRow(row))
	sum := d.Sum(nil)
	for i := range h {
		h[i] += factor * binary.BigEndian.Uint64(sum[i*8:])
	}
}

// rowHandle encodes rows: canonical (sorted maps), strict when decoding.
var rowHandle = func() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.Canonical = true
	h.ErrorIfNoField = true
	h.RawToString = true
	return h
}()

func encodeRow(row any) []byte {
	var out []byte
	if err := codec.NewEncoderBytes(&out, rowHandle).Encode(row); err != nil {
		panic("encode row: " + err.Error())
	}
	return out
}

func decodeRow(b []byte, row any) error {
	r := bytes.NewReader(b)
	return codec.NewDecoder(r, rowHandle).Decode(row)
}
