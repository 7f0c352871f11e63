// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"slices"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/raftnode"
)

// unavailable is what errors implement whose cause will pass: no leader, no quorum, shutting down.
type unavailable interface{ Unavailable() bool }

// passes are the causes that pass, of packages that know no AWS.
var passes = []error{context.DeadlineExceeded, context.Canceled, raftnode.ErrUnavailable, raftnode.ErrNotLeader, raftnode.ErrClosed}

// errUnavailable marks an error of the gateway's own as one that will pass.
var errUnavailable error = temporary{}

type temporary struct{}

func (temporary) Error() string     { return "try again" }
func (temporary) Unavailable() bool { return true }

// awsError translates a handler's error; known is false for a fault of the server, whose cause belongs into the log.
func awsError(err error, query bool) (e *awserr.Error, known bool) {
	var refused *awserr.Error
	if errors.As(err, &refused) {
		return refused, true
	}
	var denied *command.Error // the state machine's refusals carry AWS codes
	if errors.As(err, &denied) {
		return awserr.New(denied.Code, "%s", denied.Message), true
	}
	var passing unavailable
	if errors.As(err, &passing) && passing.Unavailable() || slices.ContainsFunc(passes, func(p error) bool { return errors.Is(err, p) }) {
		if query {
			return awserr.New("ServiceUnavailable", "The request has failed due to a temporary failure of the server."), true
		}
		return awserr.Unavailable(), true
	}
	if query {
		return awserr.New("InternalFailure", "The request processing has failed because of an unknown error, exception or failure."), false
	}
	return awserr.Internal(), false
}
