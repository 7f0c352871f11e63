// SPDX-License-Identifier: Apache-2.0

package region

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// planAttempts is how often a command is planned anew after its plan no longer fitted. Launches that the leader plans on
// one state choose the same node, and where it has room for one of them (a spread group) one wins a round: so many
// launches at the same moment find their places. It is bounded, for a plan that never fits is a fault and must not fill
// the log.
const planAttempts = 64

// Log is the replicated log as this package needs it (raftnode.Node is one).
type Log interface {
	// Propose appends an entry, here or at the leader, and returns the state machine's answer after the local replica
	// has applied it. An entry whose outcome is unknown may be proposed again: the state machine knows its request id.
	Propose(ctx context.Context, data []byte) (result []byte, index uint64, err error)
	// ReadIndex returns when the local replica holds everything that was acknowledged before the call.
	ReadIndex(ctx context.Context) error
}

// Planner fills placements in (compute/scheduler.Scheduler is one).
type Planner interface {
	Plan(v *state.View, c command.Command) command.Command
}

// Region is the truth as one node sees it.
type Region struct {
	node string
	fsm  *fsm.FSM
	log  Log
}

// New returns the door of the node with the given id.
func New(node string, f *fsm.FSM, log Log) *Region { return &Region{node: node, fsm: f, log: log} }

// View is a linearizable snapshot: it holds every write that was acknowledged anywhere before the call.
func (r *Region) View(ctx context.Context) (*state.View, error) {
	if err := r.log.ReadIndex(ctx); err != nil {
		return nil, fmt.Errorf("read region: %w", err)
	}
	return r.fsm.View(), nil
}

// Fresh waits until the local replica holds every write that was acknowledged anywhere before the call.
func (r *Region) Fresh(ctx context.Context) error {
	_, err := r.View(ctx)
	return err
}

// Local is this node's replica as it is, perhaps a moment old. It works without a leader.
func (r *Region) Local() *state.View { return r.fsm.View() }

// Changed is closed when the local replica changes after the call.
func (r *Region) Changed() <-chan struct{} { return r.fsm.Changed() }

// Propose carries a command out and decodes its value into into (which may be nil). A refusal by the region's rules
// is a *command.Error; any other error means that the outcome is unknown or nothing happened.
func (r *Region) Propose(ctx context.Context, c command.Command, into any) error {
	if err := r.permitted(ctx, c); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := r.propose(ctx, c, into)
		var refusal *command.Error
		if !errors.As(err, &refusal) || refusal.Code != command.PlanConflict {
			return err
		}
		if attempt == planAttempts {
			return command.Errorf("InsufficientInstanceCapacity", "We currently do not have sufficient capacity to fulfil the request: other launches took it. %s", refusal.Message)
		}
	}
}

// permitted keeps what the region's format level does not have out of the log: a node that still runs the version before
// could not apply it. The level only grows, so one that suffices here suffices everywhere.
func (r *Region) permitted(ctx context.Context, c command.Command) error {
	level := func(v *state.View) int {
		region, _ := v.Region()
		return max(region.FormatLevel, 1)
	}
	if command.Since(c) <= level(r.Local()) {
		return nil
	}
	v, err := r.View(ctx)
	if err != nil {
		return err
	}
	if refusal := command.TooNew(c, level(v)); refusal != nil {
		return refusal
	}
	return nil
}

func (r *Region) propose(ctx context.Context, c command.Command, into any) error {
	e := command.Envelope{Time: state.At(time.Now()), Node: r.node, Command: c}
	if _, err := rand.Read(e.Request[:]); err != nil {
		return fmt.Errorf("make request id: %w", err)
	}
	data, err := command.Encode(e)
	if err != nil {
		return err
	}
	result, _, err := r.log.Propose(ctx, data)
	if err != nil {
		return fmt.Errorf("propose %s: %w", c.Type().Name(), err)
	}
	return command.DecodeResult(result, into)
}

// Prepare returns the leader's hook of the log: it plans the commands that need a place, on the leader's state.
func Prepare(f *fsm.FSM, p Planner) func(context.Context, []byte) ([]byte, error) {
	return func(_ context.Context, data []byte) ([]byte, error) {
		e, err := command.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("prepare command: %w", err)
		}
		switch e.Command.(type) {
		case command.RunInstances, command.StartInstances, command.LoseNode, command.MoveInstances:
			e.Command = p.Plan(f.View(), e.Command)
			return command.Encode(e)
		}
		return data, nil
	}
}
