// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
)

const (
	magic        = "HvLS"
	version      = 1
	kindQuestion = 'q'
	kindAnswer   = 'a'

	headSize     = 24 // magic, version, kind, zero, nonce
	nameRoom     = 63
	sumSize      = 4
	questionSize = headSize + 1 + nameRoom + sumSize
	answerSize   = headSize + 16 + 2 + sumSize
)

// ErrForm is a datagram that is neither a question nor an answer of this version.
var ErrForm = errors.New("not a search message")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Nonce ties answers to their question.
type Nonce [16]byte

// Question asks for members of a cluster.
type Question struct {
	Nonce   Nonce
	Cluster string // id, 1 to 63 bytes
}

// Answer names the cluster port of a member.
type Answer struct {
	Nonce   Nonce
	Address netip.AddrPort // unicast, without a zone
}

// head begins a datagram of size bytes, all zero behind the nonce.
func head(kind byte, nonce Nonce, size int) []byte {
	b := make([]byte, size)
	copy(b, magic)
	b[4], b[5] = version, kind
	copy(b[8:], nonce[:])
	return b
}

// seal puts the checksum of the rest at the end.
func seal(b []byte) []byte {
	body := b[:len(b)-sumSize]
	binary.BigEndian.PutUint32(b[len(body):], crc32.Checksum(body, castagnoli))
	return b
}

// open checks what both kinds have in common, and returns the nonce and what is between it and the checksum.
func open(b []byte, kind byte, size int) (nonce Nonce, body []byte, err error) {
	if len(b) != size || string(b[:4]) != magic || b[4] != version || b[5] != kind || b[6] != 0 || b[7] != 0 {
		return nonce, nil, ErrForm
	}
	if crc32.Checksum(b[:size-sumSize], castagnoli) != binary.BigEndian.Uint32(b[size-sumSize:]) {
		return nonce, nil, fmt.Errorf("%w: its checksum is wrong", ErrForm)
	}
	copy(nonce[:], b[8:])
	return nonce, b[headSize : size-sumSize], nil
}

// Encode is the question's datagram.
func (q Question) Encode() ([]byte, error) {
	if len(q.Cluster) == 0 || len(q.Cluster) > nameRoom {
		return nil, fmt.Errorf("encode search for cluster %q: want 1 to %d bytes", q.Cluster, nameRoom)
	}
	b := head(kindQuestion, q.Nonce, questionSize)
	b[headSize] = byte(len(q.Cluster))
	copy(b[headSize+1:], q.Cluster)
	return seal(b), nil
}

// DecodeQuestion reads what Question.Encode made, and nothing else.
func DecodeQuestion(b []byte) (Question, error) {
	nonce, body, err := open(b, kindQuestion, questionSize)
	if err != nil {
		return Question{}, err
	}
	size := int(body[0])
	if size == 0 || size > nameRoom || !zero(body[1+size:]) {
		return Question{}, fmt.Errorf("%w: its cluster id is malformed", ErrForm)
	}
	return Question{Nonce: nonce, Cluster: string(body[1 : 1+size])}, nil
}

// Encode is the answer's datagram.
func (a Answer) Encode() ([]byte, error) {
	if !candidate(a.Address) {
		return nil, fmt.Errorf("encode answer to a search: %s is no address that another machine could dial", a.Address)
	}
	b := head(kindAnswer, a.Nonce, answerSize)
	ip := a.Address.Addr().As16()
	copy(b[headSize:], ip[:])
	binary.BigEndian.PutUint16(b[headSize+16:], a.Address.Port())
	return seal(b), nil
}

// DecodeAnswer reads what Answer.Encode made, and nothing else.
func DecodeAnswer(b []byte) (Answer, error) {
	nonce, body, err := open(b, kindAnswer, answerSize)
	if err != nil {
		return Answer{}, err
	}
	at := netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[:16])).Unmap(), binary.BigEndian.Uint16(body[16:]))
	if !candidate(at) {
		return Answer{}, fmt.Errorf("%w: its address is none that could be dialled", ErrForm)
	}
	return Answer{Nonce: nonce, Address: at}, nil
}

// candidate tells whether an address can be one machine's port.
func candidate(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	return ip.IsValid() && ip.Zone() == "" && !ip.IsUnspecified() && !ip.IsMulticast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255}) && a.Port() != 0
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
