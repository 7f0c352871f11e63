// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"
)

// MaxMeta is how long an encoded Meta may be in bytes: it must fit beside other things into one packet.
const MaxMeta = memberlist.MetaMaxSize

// metaVersion is the first byte of an encoded Meta. Others are refused: they come from a newer program, and a member
// whose Meta cannot be read is shown with that fault.
const metaVersion = 1

// ErrMeta says that a Meta is too long or cannot be read.
var ErrMeta = errors.New("member's description unusable")

// Meta is what a node says about itself.
type Meta struct {
	Node    string `codec:"n"`
	Cluster string `codec:"c"` // host:port of the cluster port (raft, rpc, data)
	API     string `codec:"a"` // host:port of the AWS endpoint; empty when it has none
	Version string `codec:"v"` // of the program
	Format  uint32 `codec:"f"` // highest region format level that the program knows
	Caps    uint64 `codec:"k"` // capability bits; their meaning belongs to whoever sets them
	Zone    string `codec:"z"` // availability zone
	Domain  string `codec:"d"` // failure domain: rack or host
	// Hash identifies the full description of capabilities in the region's log: when it differs, look there.
	Hash    uint64 `codec:"h"`
	Leaving bool   `codec:"l"` // set by Run when it ends: what follows is no crash
}

var metaHandle = func() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.RawToString = true
	h.ErrorIfNoField = true
	return h
}()

func (m Meta) encode() ([]byte, error) {
	b := []byte{}
	if err := codec.NewEncoderBytes(&b, metaHandle).Encode(m); err != nil {
		return nil, fmt.Errorf("encode description: %w", err)
	}
	b = append([]byte{metaVersion}, b...)
	if len(b) > MaxMeta {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrMeta, len(b), MaxMeta)
	}
	return b, nil
}

func decodeMeta(b []byte) (m Meta, err error) {
	defer func() {
		if p := recover(); p != nil { // the codec panics on some malformed input
			err = fmt.Errorf("%w: %v", ErrMeta, p)
		}
	}()
	if len(b) == 0 || b[0] != metaVersion {
		return Meta{}, fmt.Errorf("%w: version unknown to this program", ErrMeta)
	}
	r := bytes.NewReader(b[1:])
	if err := codec.NewDecoder(r, metaHandle).Decode(&m); err != nil {
		return Meta{}, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	if r.Len() != 0 {
		return Meta{}, fmt.Errorf("%w: %d bytes too many", ErrMeta, r.Len())
	}
	return m, nil
}
