// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"

	"github.com/hashicorp/go-msgpack/v2/codec"

	"github.com/hivecloud/hive/fsm/state"
)

// The envelope, big-endian:
//
//	 0       1        2          4       5      6               10              26            34          35        35+n
//	+-------+--------+----------+-------+------+---------------+---------------+-------------+-----------+---------+---------+
//	| 0xC7  | version| type u16 | flags | zero | CRC-32C u32   | request id 16 | unix ns i64 | n u8      | node id | payload |
//	+-------+--------+----------+-------+------+---------------+---------------+-------------+-----------+---------+---------+
//
// The CRC covers everything but itself. The payload is the command's struct in canonical msgpack.
const (
	magic         = 0xC7
	version       = 1
	headerLen     = 35
	flagIgnorable = 1 << 0
)

// MaxLen is the largest envelope that may be proposed (raft's suggested entry size), in bytes.
const MaxLen = 512 << 10

// Errors of Decode.
var (
	// ErrMalformed is an envelope or payload that is damaged or of another format.
	ErrMalformed = errors.New("malformed command")
	// ErrUnknownType is a command type that this binary does not know.
	ErrUnknownType = errors.New("unknown command type")
)

// Type numbers a kind of command. Numbers are frozen.
type Type uint16

// RequestID names one proposal; a retry of the same proposal has the same id.
type RequestID [16]byte

// String is the id in hex.
func (r RequestID) String() string { return hex.EncodeToString(r[:]) }

// Command is one of this package's structs.
type Command interface{ Type() Type }

// Envelope is a command with what the proposer says of it.
type Envelope struct {
	Type      Type
	Ignorable bool // a binary that does not know the type may skip it
	Request   RequestID
	Time      state.Time
	Node      string // the proposing node's id, at most 255 bytes
	Command   Command
}

// handle encodes payloads: canonical, strict.
var handle = func() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.Canonical = true
	h.ErrorIfNoField = true
	h.RawToString = true
	return h
}()

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// Encode is the envelope's bytes.
func Encode(e Envelope) ([]byte, error) {
	if len(e.Node) > 255 {
		return nil, fmt.Errorf("encode command: node id of %d bytes: %w", len(e.Node), ErrMalformed)
	}
	var payload []byte
	if err := codec.NewEncoderBytes(&payload, handle).Encode(e.Command); err != nil {
		return nil, fmt.Errorf("encode command %T: %w", e.Command, err)
	}
	b := make([]byte, headerLen, headerLen+len(e.Node)+len(payload))
	b[0], b[1] = magic, version
	binary.BigEndian.PutUint16(b[2:], uint16(e.Command.Type()))
	if e.Ignorable {
		b[4] |= flagIgnorable
	}
	copy(b[10:26], e.Request[:])
	binary.BigEndian.PutUint64(b[26:], uint64(e.Time))
	b[34] = byte(len(e.Node))
	b = append(b, e.Node...)
	b = append(b, payload...)
	if len(b) > MaxLen {
		return nil, fmt.Errorf("encode command %T: %d bytes are more than %d", e.Command, len(b), MaxLen)
	}
	binary.BigEndian.PutUint32(b[6:], checksum(b))
	return b, nil
}

func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:6], crcTable), crcTable, b[10:])
}

// Decode reads an envelope and its command, strictly. For an unknown type it returns the envelope's head and ErrUnknownType.
func Decode(b []byte) (Envelope, error) {
	if len(b) < headerLen || b[0] != magic || b[1] != version || b[5] != 0 || b[4]&^flagIgnorable != 0 {
		return Envelope{}, fmt.Errorf("decode command head: %w", ErrMalformed)
	}
	n := int(b[34])
	if len(b) < headerLen+n || binary.BigEndian.Uint32(b[6:]) != checksum(b) {
		return Envelope{}, fmt.Errorf("decode command checksum: %w", ErrMalformed)
	}
	e := Envelope{
		Type:      Type(binary.BigEndian.Uint16(b[2:])),
		Ignorable: b[4]&flagIgnorable != 0,
		Time:      state.Time(binary.BigEndian.Uint64(b[26:])),
		Node:      string(b[headerLen : headerLen+n]),
	}
	copy(e.Request[:], b[10:26])
	kind, ok := kinds[e.Type]
	if !ok {
		return e, fmt.Errorf("decode command type %d: %w", e.Type, ErrUnknownType)
	}
	p := reflect.New(kind)
	if err := decodeStrict(b[headerLen+n:], p.Interface()); err != nil {
		return e, fmt.Errorf("decode command %s: %w: %w", kind.Name(), ErrMalformed, err)
	}
	e.Command = p.Elem().Interface().(Command)
	return e, nil
}

// decodeStrict decodes one msgpack value that must fill b.
func decodeStrict(b []byte, into any) error {
	dec := codec.NewDecoderBytes(b, handle)
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.NumBytesRead() != len(b) {
		return fmt.Errorf("%d bytes after the value", len(b)-dec.NumBytesRead())
	}
	return nil
}

// kinds maps the frozen numbers to the structs.
var kinds = func() map[Type]reflect.Type {
	m := map[Type]reflect.Type{}
	for _, c := range All() {
		if _, twice := m[c.Type()]; twice {
			panic(fmt.Sprintf("command type %d stands twice", c.Type()))
		}
		m[c.Type()] = reflect.TypeOf(c)
	}
	return m
}()

// Name is a command type's struct name.
func (t Type) Name() string {
	if k, ok := kinds[t]; ok {
		return k.Name()
	}
	return fmt.Sprintf("type %d", uint16(t))
}
