// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/hivecloud/hive/internal/rpc"
)

var (
	// ErrUnavailable says that no leader carried the request out in time. A proposal may yet take effect.
	ErrUnavailable = errors.New("log is unavailable")
	// ErrNoLeader says that there was no leader to ask. It always comes with ErrUnavailable.
	ErrNoLeader = errors.New("no leader")
	// ErrNotLeader says that this node does not lead, or not yet, or no longer.
	ErrNotLeader = errors.New("node is not the leader")
	// ErrOutcomeUnknown says that an attempt ended after its entry may have been appended.
	ErrOutcomeUnknown = errors.New("leadership lost with the entry in flight")
	// ErrClosed says that the node was closed, or not opened yet.
	ErrClosed = errors.New("node is not open")
	// ErrTooLarge says that an entry is longer than MaxEntry.
	ErrTooLarge = errors.New("entry too large")
	// ErrBootstrapped says that the log is not empty, so nothing is left to bootstrap.
	ErrBootstrapped = errors.New("log has state already")
	// ErrUnknownGroup says that a node does not carry the group.
	ErrUnknownGroup = errors.New("group is not on this node")
	// ErrMembership says that a change of members was refused.
	ErrMembership = errors.New("change of members refused")
)

// PrepareError is what Config.Prepare answered on the leader. It is final: nothing was appended.
type PrepareError struct{ Err error }

func (e *PrepareError) Error() string { return "prepare entry: " + e.Err.Error() }

// Unwrap is the hook's error; on another node than the leader only its text.
func (e *PrepareError) Unwrap() error { return e.Err }

const codePrepare rpc.Code = "raft.prepare"

// wire lists the errors that keep their identity between nodes.
var wire = []struct {
	code rpc.Code
	err  error
}{
	{"raft.not_leader", ErrNotLeader},
	{"raft.outcome_unknown", ErrOutcomeUnknown},
	{"raft.too_large", ErrTooLarge},
	{"raft.closed", ErrClosed},
	{"raft.unknown_group", ErrUnknownGroup},
	{"raft.membership", ErrMembership},
	{"raft.unavailable", ErrUnavailable},
}

// toWire gives an error a code that fromWire knows.
func toWire(err error) error {
	if err == nil {
		return nil
	}
	var p *PrepareError
	if errors.As(err, &p) {
		return rpc.Errorf(codePrepare, "%v", p.Err)
	}
	for _, w := range wire {
		if errors.Is(err, w.err) {
			return rpc.Errorf(w.code, "%v", err)
		}
	}
	return err
}

// fromWire is the inverse of toWire.
func fromWire(err error) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == codePrepare {
		return &PrepareError{Err: errors.New(e.Message)}
	}
	for _, w := range wire {
		if e.Code == w.code {
			return fmt.Errorf("%w (%w)", w.err, err)
		}
	}
	return err
}

// fromRaft gives raft's errors our names. Whatever else raft says while appending (a disk error, say) leaves open
// whether the entry survives.
func fromRaft(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress), errors.Is(err, raft.ErrEnqueueTimeout):
		return fmt.Errorf("%w: %w", ErrNotLeader, err)
	case errors.Is(err, raft.ErrRaftShutdown):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
}

// retryable says whether another attempt, perhaps at another leader, may help. It is always safe: reads change
// nothing, and state machines know a proposal that they have seen.
func retryable(err error) bool {
	switch {
	case errors.Is(err, ErrNotLeader), errors.Is(err, ErrOutcomeUnknown), errors.Is(err, ErrNoLeader), errors.Is(err, ErrUnavailable):
		return true
	}
	var e *rpc.Error
	if errors.As(err, &e) {
		// A leader that is being closed answers raft.closed; its successor will not.
		return e.Code == rpc.CodeUnavailable || e.Code == "raft.closed" || e.Code == "raft.unknown_group"
	}
	return errors.Is(err, context.DeadlineExceeded)
}
