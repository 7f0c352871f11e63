// SPDX-License-Identifier: Apache-2.0

package raftnode_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/hivecloud/hive/internal/testcluster"
	"github.com/hivecloud/hive/raftnode"
)

// staleLeader plays the worst case for a read and returns what the deposed leader answered, if it did.
//
// The leader stands still in a write to its disk, so that it does not notice the end of its lease. One heartbeat has
// reached a follower and was acknowledged, but the answer is under way when everything is cut. The others elect a
// leader, which acknowledges x=new. Then somebody reads at the old leader; the disk goes on and the old answer
// arrives, in the same moment.
func staleLeader(t *testing.T, read func(context.Context, *raftnode.Node) error) (answered, stale bool) {
	c := newCluster(t, 3, 1, nil)
	defer c.Close()
	old := c.Leader()
	propose(t, old, set("1", "x", "old"))
	var followers []string
	for _, m := range c.Members() {
		if m != old {
			followers = append(followers, m.ID)
			must(t, m.Node.ReadIndex(t.Context()))
		}
	}
	old.Disk.Stall()
	var wg sync.WaitGroup
	wg.Go(func() { _, _, _ = old.Node.Propose(t.Context(), set("2", "y", "1")) }) // its write blocks raft's main loop
	time.Sleep(time.Millisecond)
	c.Net.Cut(followers[0], old.ID)
	c.Net.Cut(followers[1], old.ID)
	c.Net.Cut(old.ID, followers[1])
	time.Sleep(300 * time.Millisecond) // the heartbeat goes out and is acknowledged
	c.Net.Cut(old.ID, followers[0])
	now := c.Leader(old.ID)
	propose(t, now, set("3", "x", "new"))

	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var got string
	wg.Go(func() {
		err := read(ctx, old.Node)
		got = kvOf(old).get("x")
		done <- err
	})
	synctest.Wait()
	old.Disk.Resume()
	c.Net.Heal(followers[0], old.ID)
	err := <-done
	c.Net.HealAll()
	wg.Wait()
	return err == nil, err == nil && got == "old"
}

func countStale(t *testing.T, trials int, read func(context.Context, *raftnode.Node) error) (answered, stale int) {
	for range trials {
		synctest.Test(t, func(t *testing.T) {
			a, s := staleLeader(t, read)
			if a {
				answered++
			}
			if s {
				stale++
			}
		})
	}
	return answered, stale
}

func trials() int {
	if soak() {
		return 5000
	}
	return 150
}

func TestStaleLeader_ReadIndexNeverAnswersOldState(t *testing.T) {
	t.Parallel()
	n := trials()
	answered, stale := countStale(t, n, func(ctx context.Context, node *raftnode.Node) error { return node.ReadIndex(ctx) })
	t.Logf("%d trials, %d answered, %d stale", n, answered, stale)
	if stale != 0 {
		t.Errorf("%d of %d reads at a deposed leader were stale", stale, n)
	}
}

// What the library offers for this is not enough. It fails in one of some hundred or thousand trials, depending on
// which of two ready channels a select picks, so the number is shown and not asserted.
func TestStaleLeader_VerifyLeaderForComparison(t *testing.T) {
	t.Parallel()
	n := trials()
	answered, stale := countStale(t, n, func(ctx context.Context, node *raftnode.Node) error {
		index := node.Raft().CommitIndex()
		if err := node.Raft().VerifyLeader().Error(); err != nil {
			return err
		}
		for node.Applied() < index {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	t.Logf("%d trials, %d answered, %d stale", n, answered, stale)
}

// A new leader has every acknowledged entry in its log but does not know yet that they are committed. It must not
// answer from its state before it does, however fresh its leadership is.
func TestNewLeader_ServesOnlyWhatItKnowsToBeCommitted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, nil)
		defer c.Close()
		old := c.Leader()
		time.Sleep(time.Second)
		c.Net.SetDelay(5*time.Millisecond, 10*time.Millisecond)
		propose(t, old, set("1", "x", "acknowledged"))
		c.Net.Isolate(old.ID)
		elected := untilElected(t, c, old)
		for _, m := range c.Members() {
			if m != old && m != elected {
				m.Disk.Stall() // it still answers heartbeats, but no entry of the new term can be committed
			}
		}
		if elected.Node.Raft().CommitIndex() >= elected.Node.Raft().LastIndex() || kvOf(elected).get("x") != "" {
			t.Fatal("the new leader knows too much: the test is not one")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := elected.Node.ReadIndex(ctx); err == nil {
			t.Errorf("read before the term was opened: x=%q", kvOf(elected).get("x"))
		}
		for _, m := range c.Members() {
			m.Disk.Resume()
		}
		if got := read(t, elected, "x"); got != "acknowledged" {
			t.Errorf("afterwards: got %q", got)
		}
	})
}

// untilElected returns a member as soon as raft says that it leads, before it can have opened its term.
func untilElected(t *testing.T, c *testcluster.Cluster, not *testcluster.Member) *testcluster.Member {
	t.Helper()
	for range 100_000 {
		for _, m := range c.Members() {
			if m != not && m.Node.Raft().State() == raft.Leader {
				return m
			}
		}
		time.Sleep(100 * time.Microsecond)
	}
	t.Fatal("nobody was elected")
	return nil
}
