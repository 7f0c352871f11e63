// SPDX-License-Identifier: Apache-2.0

package raftnode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	// drainTime is how long Close lets requests finish that are under way.
	drainTime = time.Second
	// abandonTime is how long Close waits for answers that raft forgets when it shuts down.
	abandonTime = 5 * time.Second
)

// Node is one member's copy of a group: its log, its state machine and its part in the consensus. All methods are
// safe for concurrent use.
type Node struct {
	cfg    Config
	id     string
	logger hclog.Logger
	fsm    *applier
	leads  leadership
	reads  *rounds // of ReadIndex on this node
	fresh  *rounds // of read indexes given out as the leader

	mu      sync.RWMutex
	state   nodeState
	ops     sync.WaitGroup // requests under way; grows only while state is open
	ctx     context.Context
	cancel  context.CancelCauseFunc
	watcher sync.WaitGroup // the goroutine that follows leadership
	workers sync.WaitGroup // goroutines that end with ctx or with the transport
	calls   sync.WaitGroup // goroutines that end with a call into raft; started by requests and by the watcher

	// Set by Open, constant until Close.
	storage *Storage
	layer   *layer
	trans   *ackTransport
	raft    *raft.Raft

	// ready is the term in which this node leads and has applied everything of earlier terms; 0 when it does not.
	ready atomic.Uint64
}

type nodeState int

const (
	stateNew nodeState = iota
	stateOpen
	stateClosed
)

// New returns a node that is not open yet. It does no I/O.
func New(cfg Config) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure group %q: %w", cfg.Group, err)
	}
	n := &Node{cfg: cfg, id: cfg.Host.cfg.Network.Self(), logger: cfg.Logger.Named("raft").With("group", cfg.Group)}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	n.fsm = newApplier(cfg.StateMachine, n.ctx.Done())
	n.leads.init()
	n.reads = newRounds(n, n.readRound)
	n.fresh = newRounds(n, n.leaderRound)
	return n, nil
}

// ID is the node's id in the group.
func (n *Node) ID() string { return n.id }

// Open opens the log, restores the newest snapshot and takes part in the group from then on. A node whose log is empty
// waits until it is bootstrapped or added by a leader. An opened node must be closed; it cannot be opened again.
func (n *Node) Open(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != stateNew {
		return fmt.Errorf("open group %q: opened before", n.cfg.Group)
	}
	if err := n.start(); err != nil {
		return fmt.Errorf("open group %q: %w", n.cfg.Group, err)
	}
	n.state = stateOpen
	n.electSole()
	return ctx.Err()
}

func (n *Node) start() (err error) {
	open := n.cfg.Storage
	if open == nil {
		open = func() (*Storage, error) { return openDir(n.cfg.Dir, n.cfg.Log, n.logger) }
	}
	if n.storage, err = open(); err != nil {
		return err
	}
	n.layer = newLayer(n.cfg.Host.cfg.Network, n.cfg.Group)
	n.trans = newAckTransport(raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:                  n.layer,
		MaxPool:                 3,
		Timeout:                 n.cfg.Timing.RPC,
		Logger:                  n.logger.Named("net"),
		MsgpackUseNewTimeFormat: true,
	}))
	n.raft, err = raft.NewRaft(n.cfg.raft(n.id, n.logger), n.fsm, n.storage.Logs, n.storage.Stable, n.storage.Snapshots, n.trans)
	if err != nil {
		return errors.Join(fmt.Errorf("start raft: %w", err), n.trans.Close(), n.closeStorage())
	}
	n.trans.serve(n.raft, n.storage.Logs)
	if err := n.cfg.Host.add(n); err != nil {
		return errors.Join(err, n.raft.Shutdown().Error(), n.closeStorage())
	}
	n.watchLeadership()
	return nil
}

// electSole makes a node that is the only voter lead at once. Nobody else can, so waiting for a heartbeat, as every
// follower does first, would only cost half a second or more at each start of a one-node region.
func (n *Node) electSole() {
	if !n.soleVoter() || n.raft.State() != raft.Follower {
		return
	}
	req := raft.TimeoutNowRequest{RPCHeader: n.header()}
	if err := n.trans.TimeoutNow(raft.ServerID(n.id), raft.ServerAddress(n.id), &req, &raft.TimeoutNowResponse{}); err != nil {
		n.logger.Warn("election not hurried, it will come by itself", "error", err)
	}
}

// header identifies this node in requests that we send on raft's behalf.
func (n *Node) header() raft.RPCHeader {
	return raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax,
		ID:              []byte(n.id),
		Addr:            n.trans.EncodePeer(raft.ServerID(n.id), raft.ServerAddress(n.id)),
	}
}

// Close lets requests under way finish for a moment, stops the node and closes the log. Requests that come later or
// did not finish get ErrClosed. A leader that is closed should hand over first (TransferLeadership).
func (n *Node) Close() error {
	n.mu.Lock()
	was := n.state
	n.state = stateClosed
	n.mu.Unlock()
	if was != stateOpen {
		n.cancel(ErrClosed)
		return nil
	}
	within(&n.ops, drainTime)
	n.cancel(ErrClosed)
	n.ops.Wait()
	n.watcher.Wait()
	// raft does not answer entries that were committed but not applied when it shuts down, so let it apply them first.
	within(&n.calls, drainTime)
	n.cfg.Host.remove(n)
	err := n.raft.Shutdown().Error()
	n.workers.Wait()
	if !within(&n.calls, abandonTime) {
		n.logger.Warn("closed with calls into raft that were never answered")
	}
	n.trans.CloseStreams()
	if err := errors.Join(err, n.closeStorage()); err != nil {
		return fmt.Errorf("close group %q: %w", n.cfg.Group, err)
	}
	return nil
}

func (n *Node) closeStorage() error {
	if n.storage.Close == nil {
		return nil
	}
	return n.storage.Close()
}

// within waits for wg, but no longer than d, and says whether wg was done. Its goroutine ends with wg.
func within(wg *sync.WaitGroup, d time.Duration) bool {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// begin admits a request; end must be called. Whatever the request waits for, it must also stop waiting when n.ctx
// ends: the helpers below see to that, at a lower price than a context of its own for every request.
func (n *Node) begin() (end func(), err error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.state != stateOpen {
		return nil, fmt.Errorf("group %q: %w", n.cfg.Group, ErrClosed)
	}
	n.ops.Add(1)
	return n.ops.Done, nil
}

// merge returns a context that ends with ctx and when the node closes.
func (n *Node) merge(ctx context.Context) (_ context.Context, cancel func()) {
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(n.ctx, func() { end(ErrClosed) })
	return ctx, func() { stop(); end(nil) }
}

// over is why a request must stop: its context ended or the node closes. Nil when it may go on.
func (n *Node) over(ctx context.Context) error {
	if n.ctx.Err() != nil {
		return ErrClosed
	}
	return context.Cause(ctx)
}

// await runs f, which cannot be interrupted, and stops waiting when ctx ends or the node closes.
func (n *Node) await(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	n.calls.Go(func() { done <- f() })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	case <-n.ctx.Done():
	}
	return n.over(ctx)
}

// Bootstrap makes this node the only voter of a new group and returns when it leads. ErrBootstrapped when the log has
// anything in it.
func (n *Node) Bootstrap(ctx context.Context) error {
	end, err := n.begin()
	if err != nil {
		return err
	}
	defer end()
	err = n.await(ctx, func() error {
		return n.raft.BootstrapCluster(raft.Configuration{Servers: []raft.Server{{
			Suffrage: raft.Voter, ID: raft.ServerID(n.id), Address: raft.ServerAddress(n.id),
		}}}).Error()
	})
	if errors.Is(err, raft.ErrCantBootstrap) {
		err = ErrBootstrapped
	}
	if err != nil {
		return fmt.Errorf("bootstrap group %q: %w", n.cfg.Group, err)
	}
	n.electSole()
	for {
		now, changed := n.Leadership()
		if now.IsLeader {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("bootstrap group %q: %w", n.cfg.Group, n.over(ctx))
		case <-n.ctx.Done():
			return fmt.Errorf("bootstrap group %q: %w", n.cfg.Group, n.over(ctx))
		}
	}
}
