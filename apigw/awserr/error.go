// SPDX-License-Identifier: Apache-2.0

package awserr

import "fmt"

// Error is an answer that says no, in AWS's words.
type Error struct {
	Code    string // as AWS names it, e.g. InvalidInstanceID.NotFound
	Message string // one sentence for the caller; never secrets, never internals
	Status  int    // HTTP status
}

// Error makes it an error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is an *Error of the same code, so that errors.Is(err, &awserr.Error{Code: c}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Message == "" || t.Message == e.Message)
}

// New makes an Error with the status that belongs to the code.
func New(code, format string, args ...any) *Error {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	return &Error{Code: code, Message: msg, Status: StatusOf(code)}
}
