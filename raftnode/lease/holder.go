// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/internal/boottime"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/raftnode"
)

// Guests are the node's guests.
type Guests interface {
	// Fence lets all guests run up to a moment of the holder's clock and not beyond; with on false the fence is taken
	// away. Nil means that every guest has taken it and every later one will.
	Fence(ctx context.Context, on bool, until time.Duration) error
}

// Leaders says who leads (raftnode.Node does).
type Leaders interface {
	// Leadership returns who leads now, and a channel that is closed when that changes.
	Leadership() (raftnode.Leadership, <-chan struct{})
}

// HolderConfig is what a holder works with.
type HolderConfig struct {
	Self   string
	Region Region
	Log    Leaders
	Client *rpc.Client
	Guests Guests
	// Register registers the node anew after it was declared lost and returns its epoch.
	Register func(context.Context) (uint64, error)
	// Wanted tells whether guests are to stand under the fence: not where nobody else could ever own them.
	Wanted func() bool
	// Clock is what leases are measured by on this node. Default: CLOCK_BOOTTIME, which goes on while the host sleeps.
	Clock  func() time.Duration
	Timing Timing       // zero is DefaultTiming
	Logger hclog.Logger // nil writes nothing
}

// Holder renews the lease of its node.
type Holder struct {
	cfg   HolderConfig
	log   hclog.Logger
	epoch atomic.Uint64
	until atomic.Int64

	// Of Run's goroutine.
	fenced bool // guests were last told that there is a fence
	told   bool // guests were told anything
	failed bool // the newest renewal failed
}

// NewHolder returns a holder; Run makes it work.
func NewHolder(cfg HolderConfig) (*Holder, error) {
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming()
	}
	if err := cfg.Timing.validate(); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = boottime.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	return &Holder{cfg: cfg, log: cfg.Logger.Named("lease")}, nil
}

// Epoch is the epoch in which the node registered last; its reports carry it.
func (h *Holder) Epoch() uint64 { return h.epoch.Load() }

// Registered tells the holder that the node has registered. Run waits for nothing else.
func (h *Holder) Registered(epoch uint64) { h.epoch.Store(epoch) }

// Left is how long the node's guests may still run; 0 when the lease has ended.
func (h *Holder) Left() time.Duration {
	return max(0, time.Duration(h.until.Load())-h.cfg.Clock())
}

// Run renews until ctx ends. The node must be registered.
func (h *Holder) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		now, changed := h.cfg.Log.Leadership()
		wait := h.cfg.Timing.Every
		if err := h.round(ctx, now.Leader); err != nil {
			if !h.failed && ctx.Err() == nil {
				h.log.Warn("lease not renewed", "leader", now.Leader, "left", h.Left(), "error", err)
			}
			h.failed, wait = true, h.cfg.Timing.Retry
		} else if h.failed {
			h.failed = false
			h.log.Info("lease renewed again", "leader", now.Leader)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(wait):
		}
	}
	return nil
}

var errNoLeader = errors.New("the region has no leader")

// round renews once and does what follows from the answer.
func (h *Holder) round(ctx context.Context, leader string) error {
	if leader == "" {
		return errNoLeader
	}
	// Before it is sent, not when it is answered: the answer says that the leader waits from some moment after this one.
	sent := h.cfg.Clock()
	callCtx, cancel := context.WithTimeout(ctx, h.cfg.Timing.Call)
	defer cancel()
	_, err := rpc.Call[renewRequest, renewResponse](callCtx, h.cfg.Client, leader, methodRenew, renewRequest{Epoch: h.epoch.Load()})
	if rpc.CodeOf(err) == codeEnded {
		return h.again(ctx)
	}
	if err != nil {
		return err
	}
	until := sent + h.cfg.Timing.TTL - h.cfg.Timing.Margin
	h.until.Store(int64(until))
	return h.fence(ctx, until)
}

// again registers a node that was declared lost. What runs here of its old assignments is paused by now, and is ended by
// the executor, which sees newer epochs.
func (h *Holder) again(ctx context.Context) error {
	if !h.failed { // or it was said already
		h.log.Warn("the region has declared this node lost; registering again", "epoch", h.epoch.Load())
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Timing.TTL)
	defer cancel()
	epoch, err := h.cfg.Register(ctx)
	if err != nil {
		return err
	}
	h.epoch.Store(epoch)
	h.log.Info("registered again", "epoch", epoch)
	return errors.New("registered again: the lease begins with the next renewal")
}

// fence puts the guests under the lease, and tells the region so once all are; or takes the fence away, after the region
// knows that it can no longer count on it.
func (h *Holder) fence(ctx context.Context, until time.Duration) error {
	armed := h.cfg.Region.Local().Standing(h.cfg.Self).Armed
	if h.cfg.Wanted() {
		h.told, h.fenced = true, true
		if err := h.cfg.Guests.Fence(ctx, true, until); err != nil {
			// Those that took it are fenced; the region is not told before all are.
			h.log.Warn("not every guest took the lease", "armed", armed, "error", err)
			return nil
		}
		if !armed {
			return h.arm(ctx, true)
		}
		return nil
	}
	if armed {
		if err := h.cfg.Guests.Fence(ctx, true, until); err != nil {
			h.log.Warn("not every guest took the lease", "armed", armed, "error", err)
		}
		if err := h.arm(ctx, false); err != nil {
			return err
		}
		h.fenced = true
	}
	if h.fenced || !h.told {
		h.told = true
		if err := h.cfg.Guests.Fence(ctx, false, 0); err != nil {
			h.fenced = true // to be tried again
			return err
		}
		h.fenced = false
		h.log.Info("guests stand under no fence: nobody else can own them")
	}
	return nil
}

func (h *Holder) arm(ctx context.Context, armed bool) error {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Timing.Every)
	defer cancel()
	return h.cfg.Region.Propose(ctx, command.ArmNode{NodeID: h.cfg.Self, Epoch: h.epoch.Load(), Armed: armed}, nil)
}
