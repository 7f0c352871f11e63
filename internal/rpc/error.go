// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"errors"
	"fmt"
)

// Code says what kind of error a call met. Packages add their own, with their name in front (raft.not_leader).
type Code string

// The codes of this package.
const (
	// CodeInternal is any error of a handler that has no code of its own.
	CodeInternal Code = "internal"
	// CodeBadRequest says that the request could not be understood: unknown method or field, too long, no msgpack.
	CodeBadRequest Code = "bad_request"
	// CodeUnavailable says that the peer was not reached, or the stream broke: the call may or may not have happened.
	CodeUnavailable Code = "unavailable"
	// CodeBadResponse says that the peer's answer could not be understood.
	CodeBadResponse Code = "bad_response"
)

// Error is an error of a call, from this side or the other.
type Error struct {
	Code    Code   `codec:"code"`
	Message string `codec:"message"`
	Node    NodeID `codec:"-"` // the node that was called
	cause   error  // on this side only
}

func (e *Error) Error() string {
	if e.Node == "" {
		return fmt.Sprintf("%s (%s)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Node, e.Message, e.Code)
}

// Is matches another *Error of the same code, so that a room can declare &rpc.Error{Code: ...} as a sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Unwrap is the cause on this side, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf is the code of the first *Error in err's chain, and CodeInternal when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Errorf makes an error of the given code. A handler returns it to tell the caller more than "internal".
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
