// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// budget is what the design allows from the loss of a node to its instances' new start; leaderBudget when it led.
const (
	budget       = 20 * time.Second
	leaderBudget = 25 * time.Second
)

// away waits until an instance runs on another node than it did.
func (w *world) away(id, from string, most time.Duration) string {
	w.t.Helper()
	w.until(id+" runs elsewhere", most, func() bool {
		at := w.check.where(id)
		return at != "" && at != from && w.instance(id).State == state.Running
	})
	return w.check.where(id)
}

// returned waits until a node is back and has ended the guest that it no longer has.
func (w *world) returned(id, instance string) {
	w.t.Helper()
	w.until(id+" is back and rid of its old guest", time.Minute, func() bool {
		s := w.view().Standing(id)
		_, guest := w.nodes[id].host.Guest(instance)
		return !s.Lost && s.Armed && !guest
	})
}

func TestLeaderIsolated_InstanceRunsElsewhereOnce(t *testing.T) {
	t.Parallel()
	run(t, 3, 1, func(w *world) {
		old := w.leader()
		w.launch("i-1", old, "remake")
		w.cluster.Net.Isolate(old)
		w.away("i-1", old, leaderBudget)
		w.settle(30 * time.Second)
		w.cluster.Net.HealAll()
		w.returned(old, "i-1")
		if at := w.check.where("i-1"); at == old || at == "" {
			t.Errorf("after the return i-1 runs on %q", at)
		}
	})
}

func TestNodePaused_GuestIsFencedByItsGuardAlone(t *testing.T) {
	t.Parallel()
	run(t, 3, 2, func(w *world) {
		victim := other(w, w.leader())
		w.launch("i-1", victim, "remake")
		w.freeze(victim)
		w.away("i-1", victim, budget)
		w.settle(20 * time.Second)
		w.thaw(victim) // everything that was under way at the pause happens now
		w.returned(victim, "i-1")
	})
}

func TestLeaderPaused_WakesUpAndGivesNothing(t *testing.T) {
	t.Parallel()
	run(t, 3, 3, func(w *world) {
		old := w.leader()
		w.launch("i-1", old, "remake")
		w.freeze(old)
		w.away("i-1", old, leaderBudget)
		w.thaw(old)
		w.returned(old, "i-1")
	})
}

// A node that hears everybody and is heard by nobody, and the reverse.
func TestAsymmetricCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(w *world, victim, other string){
		"heard by nobody": func(w *world, victim, other string) { w.cluster.Net.Cut(victim, other) },
		"hears nobody":    func(w *world, victim, other string) { w.cluster.Net.Cut(other, victim) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, 3, 4, func(w *world) {
				victim := other(w, w.leader())
				w.launch("i-1", victim, "remake")
				for id := range w.nodes {
					if id != victim {
						cut(w, victim, id)
					}
				}
				w.away("i-1", victim, leaderBudget)
				w.settle(10 * time.Second)
				w.cluster.Net.HealAll()
				w.returned(victim, "i-1")
			})
		})
	}
}

func TestLeaderChangesDuringLoss(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{9 * time.Second, 10900 * time.Millisecond, 11200 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			run(t, 5, 5, func(w *world) {
				first := w.leader()
				victim := other(w, first)
				w.launch("i-1", victim, "remake")
				w.cluster.Net.Isolate(victim)
				w.settle(after)
				w.cluster.Net.Isolate(first)
				w.away("i-1", victim, after+leaderBudget)
				w.cluster.Net.HealAll()
				w.returned(victim, "i-1")
			})
		})
	}
}

func TestInstanceStops_SaysWhyAndStartsAgainOnReturn(t *testing.T) {
	t.Parallel()
	run(t, 3, 6, func(w *world) {
		victim := other(w, w.leader())
		w.launch("i-1", victim, "")
		w.cluster.Net.Isolate(victim)
		w.until("i-1 is stopped", budget, func() bool { return w.instance("i-1").State == state.Stopped })
		if i := w.instance("i-1"); i.Reason.Code != "Server.InternalError" || !strings.Contains(i.Reason.Message, victim) {
			t.Errorf("reason %+v", i.Reason)
		}
		start := command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}}
		var refusal *command.Error
		if err := w.propose(w.leader(victim), start); !errors.As(err, &refusal) || !strings.Contains(refusal.Message, "on the node "+victim+", which is lost") {
			t.Errorf("start of an instance whose volumes are lost: %v", err)
		}
		w.cluster.Net.HealAll()
		w.returned(victim, "i-1")
		w.must(w.propose(w.leader(), start))
		w.until("i-1 runs again", time.Minute, func() bool { return w.check.where("i-1") == victim })
	})
}

// A short cut costs nothing: guests go on, or pause for a moment and go on where they are.
func TestShortCut_NobodyIsLost(t *testing.T) {
	t.Parallel()
	for _, cut := range []time.Duration{4 * time.Second, 9 * time.Second} {
		run(t, 3, 7, func(w *world) {
			victim := other(w, w.leader())
			w.launch("i-1", victim, "remake")
			w.cluster.Net.Isolate(victim)
			w.settle(cut)
			w.cluster.Net.HealAll()
			w.settle(20 * time.Second)
			if at, i := w.check.where("i-1"), w.instance("i-1"); at != victim || i.Epoch != 1 || w.nodes[victim].host.Launches() != 1 {
				t.Errorf("after a cut of %v i-1 runs on %q in epoch %d:\n%s", cut, at, i.Epoch, w.describe())
			}
		})
	}
}

// Without a majority nobody is lost and nothing moves; guests pause, because nobody can tell that they may go on.
func TestNoQuorum_NothingMoves(t *testing.T) {
	t.Parallel()
	run(t, 3, 8, func(w *world) {
		w.launch("i-1", "n2", "remake")
		w.cluster.Net.Isolate("n0")
		w.cluster.Net.Isolate("n1")
		w.settle(time.Minute)
		if at := w.check.where("i-1"); at != "" || w.instance("i-1").Epoch != 1 {
			t.Errorf("without a quorum i-1 runs on %q:\n%s", at, w.describe())
		}
		w.cluster.Net.HealAll()
		w.until("i-1 goes on where it was", time.Minute, func() bool { return w.check.where("i-1") == "n2" })
	})
}

// A region of one node has no fence: nobody else could own its guests, and its agent may be away for ever.
func TestOneNode_NoFence(t *testing.T) {
	t.Parallel()
	run(t, 1, 9, func(w *world) {
		w.launch("i-1", "n0", "remake")
		w.nodes["n0"].host.Freeze()
		w.cluster.Member("n0").Disk.Stall()
		w.settle(10 * time.Minute)
		if at := w.check.where("i-1"); at != "n0" {
			t.Errorf("the only node's guest was fenced")
		}
		w.thaw("n0")
		w.settle(time.Minute)
		if at, s := w.check.where("i-1"), w.view().Standing("n0"); at != "n0" || s.Lost || s.Armed {
			t.Errorf("i-1 runs on %q, standing %+v", at, s)
		}
	})
}

// A guest that does not heed its deadline must be noticed by the checker, or the tests above prove nothing.
func TestTeeth_BrokenFenceIsNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 10)
		defer w.end()
		w.settle(10 * time.Second)
		victim := other(w, w.leader())
		w.launch("i-1", victim, "remake")
		w.nodes[victim].host.BreakFence()
		w.cluster.Net.Isolate(victim)
		w.until("i-1 runs twice", budget, func() bool { return len(w.check.found()) > 0 })
	})
}

// other is a node that is none of those.
func other(w *world, not ...string) string {
	for _, id := range []string{"n0", "n1", "n2"} {
		if !strings.Contains(strings.Join(not, " "), id) {
			return id
		}
	}
	w.t.Fatal("no other node")
	return ""
}
