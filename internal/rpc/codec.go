// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// handle is the one way in which bodies are written and read. Bytes and strings are told apart (bin and str types of
// the msgpack specification), and whatever the receiver does not know is refused, never dropped.
var handle = func() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.RawToString = true
	h.ErrorIfNoField = true
	h.ErrorIfNoArrayExpand = true
	h.MapType = reflect.TypeFor[map[string]any]()
	return h
}()

func encode(v any) ([]byte, error) {
	var b []byte
	if err := codec.NewEncoderBytes(&b, handle).Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b, nil
}

// decode reads exactly one value. The codec panics on some malformed input; that is an error like any other.
func decode(b []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decode %T: %v", v, p)
		}
	}()
	r := bytes.NewReader(b)
	if err := codec.NewDecoder(r, handle).Decode(v); err != nil {
		return fmt.Errorf("decode %T: %w", v, err)
	}
	if r.Len() != 0 {
		return fmt.Errorf("decode %T: %d bytes too many", v, r.Len())
	}
	return nil
}

var errTooLong = errors.New("body too long")

// readBody reads at most limit bytes.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLong, limit)
	}
	return b, nil
}
