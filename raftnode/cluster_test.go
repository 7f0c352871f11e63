// SPDX-License-Identifier: Apache-2.0

package raftnode_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/internal/testcluster"
	"github.com/hivecloud/hive/raftnode"
)

func testLogger() hclog.Logger {
	if os.Getenv("HIVE_TEST_LOG") == "" {
		return nil
	}
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr})
}

func newCluster(t *testing.T, nodes int, seed uint64, configure func(id string, c *raftnode.Config)) *testcluster.Cluster {
	t.Helper()
	return testcluster.New(t, testcluster.Config{
		Nodes: nodes, Seed: seed, Configure: configure, Logger: testLogger(),
		StateMachine: func(string) raftnode.StateMachine { return newKV() },
	})
}

func kvOf(m *testcluster.Member) *kv { return m.SM.(*kv) }

func propose(t *testing.T, m *testcluster.Member, data []byte) string {
	t.Helper()
	got, _, err := m.Node.Propose(t.Context(), data)
	if err != nil {
		t.Fatalf("propose at %s: %v", m.ID, err)
	}
	return string(got)
}

func read(t *testing.T, m *testcluster.Member, key string) string {
	t.Helper()
	if err := m.Node.ReadIndex(t.Context()); err != nil {
		t.Fatalf("read at %s: %v", m.ID, err)
	}
	return kvOf(m).get(key)
}

func TestThreeNodes_AnyNodeWritesAndReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, nil)
		defer c.Close()
		for i, m := range c.Members() {
			value := fmt.Sprint("v", i)
			if got := propose(t, m, set(value, "x", value)); got != "ok" {
				t.Errorf("propose at %s: got %q", m.ID, got)
			}
			if got := kvOf(m).get("x"); got != value {
				t.Errorf("%s does not read its own write: got %q", m.ID, got)
			}
			for _, other := range c.Members() {
				if got := read(t, other, "x"); got != value {
					t.Errorf("read at %s: got %q, want %q", other.ID, got, value)
				}
			}
		}
		want := []raftnode.Peer{{ID: "n0", Voter: true}, {ID: "n1", Voter: true}, {ID: "n2", Voter: true}}
		if diff := cmp.Diff(want, c.Member("n1").Node.Peers()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSoleVoter_LeadsWithoutWaitingForAHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 1, nil)
		defer c.Close()
		propose(t, c.Member("n0"), set("a", "x", "1"))
		disk := c.Stop("n0")
		start := time.Now() // virtual: counts timers, not the machine
		m := c.Start("n0", disk)
		if got := read(t, m, "x"); got != "1" {
			t.Errorf("after restart: got %q", got)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("a restarted sole voter served after %v", took)
		}
	})
}

func TestLeaderIsolated_OthersGoOnAndItRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 2, nil)
		defer c.Close()
		old := c.Leader()
		propose(t, old, set("1", "x", "old"))
		c.Net.Isolate(old.ID)
		start := time.Now()
		now := c.Leader(old.ID)
		if got := propose(t, now, set("2", "x", "new")); got != "ok" {
			t.Errorf("got %q", got)
		}
		if took := time.Since(start); took > 2500*time.Millisecond {
			t.Errorf("the others wrote again after %v", took)
		}
		err := old.Node.ReadIndex(t.Context())
		if !errors.Is(err, raftnode.ErrUnavailable) {
			t.Errorf("read at the isolated leader: got %v", err)
		}
		_, _, err = old.Node.Propose(t.Context(), set("3", "x", "lost"))
		if !errors.Is(err, raftnode.ErrUnavailable) || !errors.Is(err, raftnode.ErrNoLeader) {
			t.Errorf("propose at the isolated leader: got %v", err)
		}
		c.Net.HealAll()
		if got := read(t, old, "x"); got != "new" {
			t.Errorf("after healing: got %q", got)
		}
	})
}

func TestLeaderLostInFlight_ProposalAppliedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 3, nil)
		defer c.Close()
		leader := c.Leader()
		// The leader can send but hears nothing: its entries reach the others, who acknowledge into the void.
		for _, m := range c.Members() {
			if m != leader {
				c.Net.Cut(m.ID, leader.ID)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(1500 * time.Millisecond)
			c.Net.HealAll()
		})
		if got := propose(t, leader, set("once", "x", "1")); got != "ok" {
			t.Errorf("got %q", got)
		}
		wg.Wait()
		for _, m := range c.Members() {
			read(t, m, "x")
			if got := kvOf(m).effects(); got != 1 {
				t.Errorf("%s: %d effects of one proposal", m.ID, got)
			}
		}
		if c.Leader().Node.Stats().Term == 2 {
			t.Error("nothing happened: the leader was not replaced")
		}
	})
}

func TestForwardedProposal_ErrorsKeepTheirIdentity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		prepared := map[string]int{}
		var mu sync.Mutex
		c := newCluster(t, 3, 4, func(id string, c *raftnode.Config) {
			c.Prepare = func(_ context.Context, data []byte) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				prepared[id]++
				switch string(data) {
				case "refuse":
					return nil, errors.New("no room")
				case "grow":
					return make([]byte, raftnode.MaxEntry+1), nil
				}
				return data, nil
			}
		})
		defer c.Close()
		leader := c.Leader()
		for _, m := range c.Members() {
			_, _, err := m.Node.Propose(t.Context(), []byte("refuse"))
			var p *raftnode.PrepareError
			if !errors.As(err, &p) || p.Err.Error() != "no room" {
				t.Errorf("refused at %s: got %v", m.ID, err)
			}
			if _, _, err = m.Node.Propose(t.Context(), []byte("grow")); !errors.Is(err, raftnode.ErrTooLarge) {
				t.Errorf("prepared too large at %s: got %v", m.ID, err)
			}
			if _, _, err = m.Node.Propose(t.Context(), make([]byte, raftnode.MaxEntry+1)); !errors.Is(err, raftnode.ErrTooLarge) {
				t.Errorf("too large at %s: got %v", m.ID, err)
			}
			propose(t, m, set(m.ID, "x", m.ID))
		}
		if diff := cmp.Diff(map[string]int{leader.ID: 9}, prepared); diff != "" {
			t.Errorf("prepare ran elsewhere than on the leader: %s", diff)
		}
	})
}

func TestCallerGivesUp_ErrorIsTheContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 5, nil)
		defer c.Close()
		leader := c.Leader()
		c.Net.Isolate(leader.ID)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, _, err := leader.Node.Propose(ctx, set("1", "x", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("propose: got %v", err)
		}
		if err := leader.Node.ReadIndex(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("read: got %v", err)
		}
	})
}

func TestClosedNode_Refuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 6, nil)
		m := c.Member("n0")
		if err := m.Node.Bootstrap(t.Context()); !errors.Is(err, raftnode.ErrBootstrapped) {
			t.Errorf("second bootstrap: got %v", err)
		}
		c.Close()
		for what, err := range map[string]error{
			"read": m.Node.ReadIndex(t.Context()), "add": m.Node.AddVoter(t.Context(), "n1"), "bootstrap": m.Node.Bootstrap(t.Context()),
		} {
			if !errors.Is(err, raftnode.ErrClosed) {
				t.Errorf("%s: got %v", what, err)
			}
		}
		if err := m.Node.Open(t.Context()); err == nil {
			t.Error("a closed node was opened again")
		}
		if m.Node.IsLeader() {
			t.Error("a closed node leads")
		}
	})
}

func TestMembers_LearnerPromotedDemotedRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 7, nil)
		defer c.Close()
		ctx := t.Context()
		first := c.Member("n0")
		propose(t, first, set("1", "x", "1"))
		learner := c.Start("n1", testcluster.NewDisk())
		must(t, first.Node.AddLearner(ctx, "n1"))
		// From the moment it knows the leader, a learner is as good as any node.
		if got := read(t, learner, "x"); got != "1" {
			t.Errorf("read at the learner: got %q", got)
		}
		propose(t, learner, set("2", "x", "2"))
		if diff := cmp.Diff([]raftnode.Peer{{ID: "n0", Voter: true}, {ID: "n1"}}, first.Node.Peers()); diff != "" {
			t.Error(diff)
		}
		// Changes may be asked for on any node, and asking twice is no error.
		must(t, learner.Node.AddVoter(ctx, "n1"))
		must(t, learner.Node.AddVoter(ctx, "n1"))
		must(t, first.Node.AddLearner(ctx, "n1"))
		must(t, learner.Node.TransferLeadership(ctx, "n1"))
		if got := c.Leader("n0").ID; got != "n1" {
			t.Errorf("leader: got %s", got)
		}
		must(t, first.Node.Demote(ctx, "n0"))
		must(t, first.Node.Remove(ctx, "n0"))
		if err := learner.Node.Remove(ctx, "n1"); !errors.Is(err, raftnode.ErrMembership) {
			t.Errorf("last voter removed: got %v", err)
		}
		if err := learner.Node.TransferLeadership(ctx, "n9"); !errors.Is(err, raftnode.ErrMembership) {
			t.Errorf("leadership for nobody: got %v", err)
		}
		propose(t, learner, set("3", "x", "3"))
		if diff := cmp.Diff([]raftnode.Peer{{ID: "n1", Voter: true}}, learner.Node.Peers()); diff != "" {
			t.Error(diff)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhileLeader_RunsOnTheLeaderOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 8, nil)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		runs := map[string]int{}
		var wg sync.WaitGroup
		for _, m := range c.Members() {
			wg.Go(func() {
				err := m.Node.WhileLeader(ctx, func(ctx context.Context) error {
					mu.Lock()
					runs[m.ID]++
					mu.Unlock()
					<-ctx.Done()
					return nil
				})
				if err != nil {
					t.Errorf("%s: %v", m.ID, err)
				}
			})
		}
		first := c.Leader()
		time.Sleep(time.Second)
		must(t, first.Node.TransferLeadership(ctx, ""))
		second := c.Leader(first.ID)
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
		if diff := cmp.Diff(map[string]int{first.ID: 1, second.ID: 1}, runs); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSnapshot_LateMemberGetsItAndRestartsFromIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 9, func(_ string, c *raftnode.Config) { c.Trailing = 1 })
		defer c.Close()
		first := c.Member("n0")
		for i := range 50 {
			propose(t, first, set(fmt.Sprint(i), "x", fmt.Sprint(i)))
		}
		index, err := first.Node.SnapshotNow(t.Context())
		must(t, err)
		late := c.Start("n1", testcluster.NewDisk())
		must(t, first.Node.AddLearner(t.Context(), "n1"))
		if got := read(t, late, "x"); got != "49" {
			t.Errorf("late member: got %q", got)
		}
		if got := late.Node.Stats().SnapshotIndex; got < index {
			t.Errorf("the late member got entries up to %d by the log: snapshot index %d", index, got)
		}
		if got, found, err := late.Node.LastSnapshot(); !found || err != nil || got.Index < index || got.Term == 0 || got.Size == 0 || got.Taken.IsZero() {
			t.Errorf("the late member tells of its snapshot %+v, %v", got, err)
		}
		late = c.Start("n1", c.Stop("n1"))
		if got := read(t, late, "x"); got != "49" || kvOf(late).effects() != 50 {
			t.Errorf("restarted member: got %q after %d effects", got, kvOf(late).effects())
		}
	})
}

// TestSnapshot_AnswerLostBehindIt: a member gets a snapshot and the entry after it, but its answer to that entry is
// lost. raft v1.7.3 alone would send it the same snapshot for ever; see type inbound.
func TestSnapshot_AnswerLostBehindIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 9, func(_ string, c *raftnode.Config) { c.Trailing = 1 })
		defer c.Close()
		first := c.Member("n0")
		c.Start("n1", testcluster.NewDisk())
		must(t, first.Node.AddLearner(t.Context(), "n1"))
		disk := c.Stop("n1")
		for i := range 50 {
			propose(t, first, set(fmt.Sprint(i), "x", fmt.Sprint(i)))
		}
		index, err := first.Node.SnapshotNow(t.Context())
		must(t, err)
		late := c.Start("n1", disk)
		if got := read(t, late, "x"); got != "49" || late.Node.Stats().SnapshotIndex != index {
			t.Fatalf("late member: got %q and a snapshot up to %d, want %d", got, late.Node.Stats().SnapshotIndex, index)
		}
		// Far apart, so that the answer can be cut off on its way, and then for longer than the leader waits for it.
		c.Net.SetDelay(time.Second, time.Second)
		propose(t, first, set("50", "x", "50"))
		for late.Node.Stats().LastIndex <= index {
			time.Sleep(time.Millisecond)
		}
		c.Net.Cut("n1", "n0")
		disk = c.Stop("n1")
		time.Sleep(4 * time.Second)
		c.Net.HealAll()
		c.Net.SetDelay(0, 0)
		late = c.Start("n1", disk)
		if got := read(t, late, "x"); got != "50" {
			t.Errorf("restarted member: got %q", got)
		}
		if got := late.Node.Stats().SnapshotIndex; got != index {
			t.Errorf("got another snapshot, up to %d", got)
		}
	})
}
