// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// Kind sorts failures by what the operator has to do about them. Exit codes and
// HTTP statuses follow from it.
type Kind string

// The kinds of failure.
const (
	KindFailure     Kind = "failure"     // anything else
	KindUsage       Kind = "usage"       // the command was given wrong
	KindNotFound    Kind = "not_found"   // the named thing does not exist
	KindDenied      Kind = "denied"      // not allowed
	KindConflict    Kind = "conflict"    // the state forbids it
	KindUnavailable Kind = "unavailable" // no agent, no leader or no quorum
	KindTimeout     Kind = "timeout"     // no answer in time; it may still happen
	KindUnhealthy   Kind = "unhealthy"   // asked for health, and it is not well
)

var kindCodes = map[Kind]struct{ exit, status int }{
	KindFailure:     {1, http.StatusInternalServerError},
	KindUsage:       {2, http.StatusBadRequest},
	KindNotFound:    {3, http.StatusNotFound},
	KindDenied:      {4, http.StatusForbidden},
	KindConflict:    {5, http.StatusConflict},
	KindUnavailable: {6, http.StatusServiceUnavailable},
	KindTimeout:     {7, http.StatusGatewayTimeout},
	KindUnhealthy:   {8, http.StatusInternalServerError},
}

// ExitCode is the process exit code of a command that failed in this way.
func (k Kind) ExitCode() int {
	if c, ok := kindCodes[k]; ok {
		return c.exit
	}
	return kindCodes[KindFailure].exit
}

// HTTPStatus is the status the admin API answers such a failure with.
func (k Kind) HTTPStatus() int {
	if c, ok := kindCodes[k]; ok {
		return c.status
	}
	return kindCodes[KindFailure].status
}

// Error is a failure as an operator reads it.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"` // what happened, one sentence, no full stop
	Hint    string `json:"hint"`    // the one next step

	cause error
}

// Error is the message without the hint; commands print the hint below it.
func (e *Error) Error() string { return e.Message }

// Unwrap is the error this one was made from, in the process that made it.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an error of a kind with its next step. The format may use %w.
func Errorf(kind Kind, hint, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Hint: hint, cause: errors.Unwrap(err)}
}

// AsError turns any error into one an operator can read. One that is no *Error
// becomes a failure, or a timeout when its context ended.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		// Keep the words that were wrapped around it.
		return &Error{Kind: e.Kind, Message: err.Error(), Hint: e.Hint, cause: e.cause}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: KindTimeout, Message: err.Error(), Hint: "try again with a longer --timeout; the request may still take effect", cause: err}
	}
	return &Error{Kind: KindFailure, Message: err.Error(), Hint: "hive doctor checks what this node needs", cause: err}
}

// WriteError answers a request with err. It is the server's half of the contract.
func WriteError(w http.ResponseWriter, err error) {
	e := AsError(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Kind.HTTPStatus())
	_ = json.NewEncoder(w).Encode(e) // the client is gone: nobody to tell
}
