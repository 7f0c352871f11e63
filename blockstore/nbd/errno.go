// SPDX-License-Identifier: Apache-2.0

package nbd

import (
	"context"
	"errors"
	"fmt"

	"github.com/hivecloud/hive/blockstore"
)

// replyError is an error with the number the protocol has for it.
type replyError struct {
	code uint32
	text string
}

func (e *replyError) Error() string { return e.text }

func refuse(code uint32, format string, args ...any) error {
	return &replyError{code: code, text: fmt.Sprintf(format, args...)}
}

// errno is the number for an error of the engine. Whatever it does not know is an I/O error.
func errno(err error) uint32 {
	var own *replyError
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.Is(err, blockstore.ErrNoSpace):
		return nbdENOSPC
	case errors.Is(err, blockstore.ErrFenced), errors.Is(err, blockstore.ErrClosed), errors.Is(err, context.Canceled):
		return nbdESHUTDOWN
	case errors.Is(err, blockstore.ErrOutOfRange), errors.Is(err, blockstore.ErrInvalid):
		return nbdEINVAL
	case errors.Is(err, errors.ErrUnsupported):
		return nbdENOTSUP
	}
	return nbdEIO
}
