// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/raftnode"
)

// fakeLog leads as it is told.
type fakeLog struct {
	mu      sync.Mutex
	now     raftnode.Leadership
	confirm func() error // ReadIndex
}

func (f *fakeLog) Leadership() (raftnode.Leadership, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, nil
}

func (f *fakeLog) lead(term uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = raftnode.Leadership{Leader: "n-other", Term: term, IsLeader: true}
}

func (f *fakeLog) ReadIndex(context.Context) error { return f.confirm() }

func (f *fakeLog) WhileLeader(ctx context.Context, do func(context.Context) error) error {
	return do(ctx)
}

// fakeRegion is a real state machine whose log can be slow or unavailable.
type fakeRegion struct {
	*fsmtest.Region
	mu     sync.Mutex
	lose   func(apply func() error) error // carries LoseNode out
	before func()                         // Local
}

func (f *fakeRegion) Local() *state.View {
	f.mu.Lock()
	before := f.before
	f.before = nil
	f.mu.Unlock()
	if before != nil {
		before()
	}
	return f.Region.Local()
}

func (f *fakeRegion) Propose(ctx context.Context, c command.Command, into any) error {
	apply := func() error { return f.Region.Propose(ctx, c, into) }
	f.mu.Lock()
	lose := f.lose
	f.mu.Unlock()
	if _, ok := c.(command.LoseNode); ok && lose != nil {
		return lose(apply)
	}
	return apply()
}

// reigning runs f while a lessor gives leases to fsmtest's node and one more.
func reigning(t *testing.T, f func(l *Lessor, log *fakeLog, region *fakeRegion)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log, region := &fakeLog{confirm: func() error { return nil }}, &fakeRegion{Region: fsmtest.NewRegion(t)}
		log.lead(7)
		l, err := NewLessor(LessorConfig{Self: "n-other", Region: region, Log: log, Server: rpc.NewServer(nil), NewVolumeID: func() string { return "vol-x" }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait()
		f(l, log, region)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// An answer from a leader that may have been replaced would let guests run that another leader has given away.
func TestRenew_OnlyAConfirmedLeaderAnswers(t *testing.T) {
	t.Parallel()
	reigning(t, func(l *Lessor, log *fakeLog, _ *fakeRegion) {
		if err := l.renew(t.Context(), fsmtest.NodeID, 1); err != nil {
			t.Fatalf("renewal at the leader: %v", err)
		}
		log.confirm = func() error { return errors.New("no majority follows") }
		if err := l.renew(t.Context(), fsmtest.NodeID, 1); rpc.CodeOf(err) != codeNotLeader {
			t.Errorf("renewal at a leader without a majority: %v", err)
		}
		log.confirm = func() error { log.lead(8); return nil } // lost and won again: leases of the old term are void
		if err := l.renew(t.Context(), fsmtest.NodeID, 1); rpc.CodeOf(err) != codeNotLeader {
			t.Errorf("renewal across two terms: %v", err)
		}
		log.lead(7)
		log.confirm = func() error { return nil }
		if err := l.renew(t.Context(), fsmtest.NodeID, 2); rpc.CodeOf(err) != codeEnded {
			t.Errorf("renewal in another epoch: %v", err)
		}
	})
}

// While it is not known whether the loss was written down, the node gets no lease: the entry may yet be applied.
func TestLoss_OutcomeUnknownMeansNoLease(t *testing.T) {
	t.Parallel()
	reigning(t, func(l *Lessor, _ *fakeLog, region *fakeRegion) {
		var late func() error // of the newest proposal, under region.mu: virtual time alone orders nothing
		region.mu.Lock()
		region.lose = func(apply func() error) error {
			region.mu.Lock()
			late = apply
			region.mu.Unlock()
			time.Sleep(5 * time.Second)
			return raftnode.ErrUnavailable
		}
		region.mu.Unlock()
		time.Sleep(12 * time.Second)
		for range 40 { // during the proposal, between two of them, and during the next
			if err := l.renew(t.Context(), fsmtest.NodeID, 1); rpc.CodeOf(err) != codeEnding {
				t.Fatalf("renewal while the loss is under way: %v", err)
			}
			time.Sleep(250 * time.Millisecond)
		}
		region.mu.Lock()
		apply := late
		region.mu.Unlock()
		if err := apply(); err != nil { // the entry was applied after all
			t.Fatal(err)
		}
		if err := l.renew(t.Context(), fsmtest.NodeID, 1); rpc.CodeOf(err) != codeEnded {
			t.Errorf("renewal after the loss: %v", err)
		}
	})
}

// A leader that stood still has not read the renewals that came meanwhile; it must not take that for silence.
func TestLeaderStoodStill_NobodyIsLost(t *testing.T) {
	t.Parallel()
	reigning(t, func(l *Lessor, _ *fakeLog, region *fakeRegion) {
		if err := l.renew(t.Context(), fsmtest.NodeID, 1); err != nil {
			t.Fatal(err)
		}
		region.mu.Lock()
		region.before = func() { time.Sleep(time.Minute) }
		region.mu.Unlock()
		time.Sleep(61 * time.Second)
		if err := l.renew(t.Context(), fsmtest.NodeID, 1); err != nil {
			t.Errorf("renewal after the leader stood still: %v", err)
		}
		if region.Region.Local().Standing(fsmtest.NodeID).Lost {
			t.Error("the node was declared lost because the leader slept")
		}
	})
}

// A node whose guests stand under no fence may have running guests: whatever the lease says, nothing is given away.
func TestNotArmed_InstancesStay(t *testing.T) {
	t.Parallel()
	reigning(t, func(l *Lessor, _ *fakeLog, region *fakeRegion) {
		const account = "111111111111"
		region.AddAccount(t, account)
		image := region.AddImage(t, account, "i", 1)
		subnet := "subnet-0" + account + "000a"
		if err := region.Propose(t.Context(), command.RunInstances{AccountID: account, MinCount: 1, Launches: []command.Launch{{
			Instance:  state.Instance{ID: "i-1", AccountID: account, ImageID: image, Zone: fsmtest.Zone, Type: "t3.nano", Shape: state.Shape{VCPUs: 1, MemoryMiB: 512}, SubnetID: subnet},
			Interface: state.NetworkInterface{ID: "eni-1", SubnetID: subnet},
		}}}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := region.Region.Local().Standing(fsmtest.NodeID); s.Lost {
			t.Fatal("a node without a fence was declared lost")
		}
		if err := region.Propose(t.Context(), command.ArmNode{NodeID: fsmtest.NodeID, Epoch: 1, Armed: true}, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := region.Region.Local().Standing(fsmtest.NodeID); !s.Lost {
			t.Error("a node that is armed and silent was not declared lost")
		}
	})
}
