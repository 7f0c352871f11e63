// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// Error is a refusal by the state machine: a value with an AWS error code, the same on every node.
type Error struct {
	Code    string // as AWS names it, e.g. InvalidInstanceID.NotFound
	Message string // as AWS phrases it
}

// Error makes it an error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// result is what Apply answers: an error or an encoded value.
type result struct {
	Err   *Error
	Value []byte
}

// EncodeResult encodes what Apply answers. value may be nil.
func EncodeResult(value any, refusal *Error) []byte {
	r := result{Err: refusal}
	if refusal == nil && value != nil {
		r.Value = mustEncode(value)
	}
	return mustEncode(r)
}

func mustEncode(v any) []byte {
	var out []byte
	if err := codec.NewEncoderBytes(&out, handle).Encode(v); err != nil {
		panic(fmt.Sprintf("encode result %T: %v", v, err))
	}
	return out
}

// DecodeResult reads what Apply answered into value (which may be nil). A refusal comes back as *Error.
func DecodeResult(b []byte, value any) error {
	var r result
	if err := decodeStrict(b, &r); err != nil {
		return fmt.Errorf("decode result: %w", err)
	}
	if r.Err != nil {
		return r.Err
	}
	if value == nil {
		return nil
	}
	if r.Value == nil {
		return fmt.Errorf("decode result: no value where %T was expected", value)
	}
	if err := decodeStrict(r.Value, value); err != nil {
		return fmt.Errorf("decode result value %T: %w", value, err)
	}
	return nil
}
