// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"context"
	"errors"

	"github.com/hivecloud/hive/blockstore"
)

// codes are the errors that keep their identity on the way to the client. The first that matches is sent, so what
// is more exact stands first.
var codes = []struct {
	code string
	err  error
}{
	{"fenced", blockstore.ErrFenced},
	{"failed", blockstore.ErrFailed},
	{"no_space", blockstore.ErrNoSpace},
	{"in_use", blockstore.ErrInUse},
	{"conflict", blockstore.ErrConflict},
	{"not_found", blockstore.ErrNotFound},
	{"corrupt", blockstore.ErrCorrupt},
	{"shrink", blockstore.ErrShrink},
	{"invalid", blockstore.ErrInvalid},
	{"closed", blockstore.ErrClosed},
	{"canceled", context.Canceled},
}

// codeInternal is any other error: the device failed, most likely.
const codeInternal = "internal"

// RemoteError is an error the daemon answered. errors.Is finds the sentinel of package blockstore behind its code.
type RemoteError struct {
	Op      string
	Code    string
	Message string
}

func (e *RemoteError) Error() string { return "blockd: " + e.Op + ": " + e.Message }

// Unwrap is the sentinel of the code, or nil.
func (e *RemoteError) Unwrap() error {
	for _, c := range codes {
		if c.code == e.Code {
			return c.err
		}
	}
	return nil
}

// codeOf is the code for an error.
func codeOf(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return codeInternal
}
