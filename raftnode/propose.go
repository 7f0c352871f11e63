// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	backoffFirst = 5 * time.Millisecond
	backoffMost  = 200 * time.Millisecond
	// futureAfter is when a proposer stops to rely on the applier alone.
	futureAfter = 20 * time.Millisecond
)

// Propose appends an entry, here or at the leader, and returns the state machine's answer and the entry's index after
// the local state machine has applied it, so that the proposer reads its own write.
//
// While leaders change it tries again for Config.RetryFor, with the same bytes: the entry may be applied more than
// once, and a state machine that cares recognises the proposer's request id in it. After that the error matches
// ErrUnavailable (and ErrNoLeader, if there was nobody to ask), and the entry may yet be applied. ErrTooLarge and
// *PrepareError are final: nothing was appended.
func (n *Node) Propose(ctx context.Context, data []byte) (result []byte, index uint64, err error) {
	if len(data) > MaxEntry {
		return nil, 0, fmt.Errorf("propose %d bytes, at most %d: %w", len(data), MaxEntry, ErrTooLarge)
	}
	end, err := n.begin()
	if err != nil {
		return nil, 0, err
	}
	defer end()
	err = n.retry(ctx, "propose", func(ctx context.Context, leader string) error {
		if leader == n.id {
			result, index, err = n.proposeHere(ctx, data)
		} else {
			result, index, err = n.forward(ctx, leader, data)
		}
		return err
	})
	if err == nil {
		// Outside of the attempt: the entry is committed, whoever leads while it comes here.
		err = n.catchUp(ctx, index)
	}
	if err != nil {
		return nil, 0, err
	}
	return result, index, nil
}

// catchUp waits until this member has applied index, for at most RetryFor.
func (n *Node) catchUp(ctx context.Context, index uint64) error {
	if applied, _ := n.fsm.at(); applied >= index {
		return nil // always so for an entry that was proposed at the leader itself
	}
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.RetryFor, ErrUnavailable)
	defer cancel()
	return n.fsm.wait(ctx, index)
}

// proposeHere appends an entry as the leader.
func (n *Node) proposeHere(ctx context.Context, data []byte) (result []byte, index uint64, err error) {
	if n.leading() == 0 {
		return nil, 0, ErrNotLeader
	}
	if data, err = n.prepare(ctx, data); err != nil {
		return nil, 0, err
	}
	return n.append(ctx, data)
}

// append hands an entry to raft and waits until it is applied here.
//
// Naively, one would wait for raft's future. That cannot be interrupted, so it takes a goroutine for every entry, and
// the extra switch makes proposers come too late for the batch that raft is about to write: measured, a quarter fewer
// entries per second. So the applier wakes us itself, by recognising our bytes, and the future is only asked when that
// does not happen soon: when leadership is lost, the entry was refused, or the disk is slow.
func (n *Node) append(ctx context.Context, data []byte) (result []byte, index uint64, err error) {
	_, lost := n.Leadership()
	if n.leading() == 0 {
		return nil, 0, ErrNotLeader
	}
	p := n.fsm.expect(data)
	defer n.fsm.unexpect(p)
	// Until raft takes the entry this cannot be interrupted; a stalled disk is what could keep it from that.
	f := n.raft.Apply(data, n.enqueueTime(ctx))
	if p.key != nil {
		timer := time.NewTimer(futureAfter)
		defer timer.Stop()
		select {
		case <-p.done:
			return p.result, p.index, nil
		case <-lost:
		case <-timer.C:
		case <-ctx.Done():
		case <-n.ctx.Done():
		}
	}
	if err = n.await(ctx, f.Error); err == nil {
		result, ok := f.Response().([]byte)
		if !ok && f.Response() != nil {
			return nil, 0, fmt.Errorf("entry %d answered %T", f.Index(), f.Response())
		}
		return result, f.Index(), nil
	}
	if n.over(ctx) != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return nil, 0, fromRaft(err)
}

// enqueueTime is how long raft may take to accept an entry.
func (n *Node) enqueueTime(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(min(time.Until(deadline), n.cfg.RetryFor), time.Millisecond)
	}
	return n.cfg.RetryFor
}

func (n *Node) prepare(ctx context.Context, data []byte) ([]byte, error) {
	if n.cfg.Prepare == nil {
		return data, nil
	}
	ctx, end := n.merge(ctx)
	defer end()
	data, err := n.cfg.Prepare(ctx, data)
	if err != nil {
		return nil, &PrepareError{Err: err}
	}
	if len(data) > MaxEntry {
		return nil, fmt.Errorf("prepared entry of %d bytes, at most %d: %w", len(data), MaxEntry, ErrTooLarge)
	}
	return data, nil
}

// retry runs try against the present leader, as often as it may help, for RetryFor.
func (n *Node) retry(ctx context.Context, what string, try func(ctx context.Context, leader string) error) error {
	return n.retryHere(ctx, what, func(ctx context.Context, now Leadership) error { return n.attempt(ctx, now, try) })
}

// retryHere is retry for a try that watches by itself whether the leader is replaced.
func (n *Node) retryHere(ctx context.Context, what string, try func(context.Context, Leadership) error) error {
	giveUp := time.Now().Add(n.cfg.RetryFor)
	for pause := backoffFirst; ; pause = min(2*pause, backoffMost) {
		now, changed := n.Leadership()
		err := ErrNoLeader
		if now.Leader != "" {
			err = try(ctx, now)
		}
		switch {
		case err == nil:
			return nil
		case n.over(ctx) != nil:
			return fmt.Errorf("%s: %w", what, errors.Join(n.over(ctx), err))
		case !retryable(err):
			return fmt.Errorf("%s: %w", what, err)
		case !time.Now().Before(giveUp):
			return fmt.Errorf("%s: %w after %v: %w", what, ErrUnavailable, n.cfg.RetryFor, err)
		}
		// Many proposers lost the same leader: let them not meet the next one in step.
		timer := time.NewTimer(min(pause/2+rand.N(pause), max(time.Until(giveUp), time.Millisecond)))
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		case <-n.ctx.Done():
			timer.Stop()
		}
	}
}

// attempt runs try against one leader, for at most RetryFor and until another leads.
func (n *Node) attempt(ctx context.Context, now Leadership, try func(ctx context.Context, leader string) error) error {
	if now.Leader == n.id {
		return try(ctx, now.Leader)
	}
	ctx, end := n.merge(ctx)
	defer end()
	actx, cancel := context.WithTimeoutCause(ctx, n.cfg.RetryFor, ErrUnavailable)
	defer cancel()
	actx, replaced := context.WithCancelCause(actx)
	defer replaced(nil)
	n.workers.Go(func() { n.untilReplaced(actx, now.Leader, replaced) })
	err := try(actx, now.Leader)
	if err != nil && ctx.Err() == nil && actx.Err() != nil {
		// Our own limit, not the caller's: another attempt may do better.
		return fmt.Errorf("%w: %w", context.Cause(actx), err)
	}
	return err
}

// untilReplaced ends an attempt when another node than leader leads.
func (n *Node) untilReplaced(ctx context.Context, leader string, replaced context.CancelCauseFunc) {
	for {
		now, changed := n.Leadership()
		if now.Leader != "" && now.Leader != leader {
			replaced(fmt.Errorf("node %s leads now: %w", now.Leader, ErrNotLeader))
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
