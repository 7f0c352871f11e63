// SPDX-License-Identifier: Apache-2.0

package state

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
	_ = encodeRow(row, func(b []byte) error {
		d.Write(b)
		return nil
	})
	sum := d.Sum(nil)
	for i := range h {
		h[i] += factor * binary.BigEndian.Uint64(sum[i*8:])
	}
}
