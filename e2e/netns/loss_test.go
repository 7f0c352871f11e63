// SPDX-License-Identifier: Apache-2.0

//go:build soak

package netns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/internal/e2e/lab"
)

// losses loses the node of a guest again and again, each time in another way, and the guest is made anew elsewhere; what
// was not tagged for that stops and says why. A guest never runs on two nodes.
func losses(t *testing.T, rounds int) {
	t.Helper()
	r := newRegion(t, "")
	all := r.launch(2)
	tagged, plain := all[0].ID, all[1].ID
	r.tag(r.Nodes[0], tagged, "hive:recovery", "remake")

	for range rounds {
		t.Run("agent stopped, then continued", func(t *testing.T) {
			r.part(t, func() { r.moves(tagged, (*lab.Node).Pause, (*lab.Node).Continue, true) })
		})
		t.Run("agent killed, guards live", func(t *testing.T) {
			r.part(t, func() { r.moves(tagged, (*lab.Node).Kill, r.Launch, true) })
		})
		t.Run("node cut off, then joined again", func(t *testing.T) {
			cut := func(n *lab.Node) { r.Net.Around(n.Name, lab.Quality{Cut: true}) }
			r.part(t, func() { r.moves(tagged, cut, func(*lab.Node) { r.Net.Heal() }, true) })
		})
		if rounds > 1 { // a boot of an emulated guest more: for the long form
			t.Run("everything of the node killed", func(t *testing.T) {
				r.part(t, func() { r.moves(tagged, (*lab.Node).KillAll, r.Launch, false) })
			})
		}
	}
	t.Run("not tagged: stops and says why", func(t *testing.T) {
		r.part(t, func() { r.stops(plain) })
	})
	r.single()
	r.Same(r.Nodes...)
}

// part runs a part of a story as a subtest.
func (r *region) part(t *testing.T, f func()) {
	whole := r.T
	if whole.Failed() {
		t.Skip("the region is not as it should be")
	}
	r.T = t
	defer func() { r.T = whole }()
	f()
}

// moves loses the node of an instance and brings it back. guarded: guards outlive the loss and have to pause the guest.
func (r *region) moves(id string, lose, back func(*lab.Node), guarded bool) {
	r.T.Helper()
	old := r.on(r.instance(r.Nodes[0], id))
	ask := r.others(old)[0]
	for _, n := range r.others(old) {
		r.watch.forget(id, n.Name)
	}
	led, _ := r.Leader(ask)
	pids := guests(old, id)
	lost := time.Now()
	lose(old)
	var now *lab.Node
	r.Eventually(id+" planned elsewhere", func() error {
		i := r.instance(ask, id)
		now = r.on(i)
		if now.Name == "" || now == old {
			return fmt.Errorf("%+v", i)
		}
		return nil
	})
	planned := time.Since(lost)
	r.Eventually("a QEMU on "+now.Name, func() error {
		if len(guests(now, id)) == 0 {
			return fmt.Errorf("%+v", r.instance(ask, id))
		}
		return nil
	})
	started := time.Since(lost)
	r.Eventually(id+" ticks on "+now.Name, func() error {
		if n := r.watch.ticks(id, now.Name); n < 3 {
			return fmt.Errorf("%d ticks, %+v", n, r.instance(ask, id))
		}
		return nil
	})
	before, after := r.watch.of(id, old.Name), r.watch.of(id, now.Name)
	r.T.Logf("%s (led: %v): the guest's last sign after %s, planned on %s within %s, started within %s, its first sign there after %s",
		old.Name, led == old, seconds(before.last.Sub(lost)), now.Name, seconds(planned), seconds(started), seconds(after.first.Sub(lost)))
	if !before.last.Before(after.first) {
		r.T.Fatalf("%s ran on %s until %s after the loss, and on %s since %s", id, old.Name, before.last.Sub(lost), now.Name, after.first.Sub(lost))
	}
	if left := guests(old, id); guarded && !slices.Equal(left, pids) {
		r.T.Errorf("guests %v of %s became %v: they were to be paused by their guards", pids, old.Name, left)
	}
	back(old)
	r.Eventually("the old copy ended on "+old.Name, func() error {
		if left := guests(old, id); len(left) > 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	r.Ready(old)
	r.Peers(3, 0, r.Nodes...)
	if again := r.watch.of(id, old.Name); again.count != before.count {
		r.T.Errorf("the old copy on %s wrote again after it had been replaced", old.Name)
	}
	if i := r.instance(old, id); i.Node != now.Name || i.State != "running" {
		r.T.Errorf("after the return of %s: %+v", old.Name, i)
	}
}

// stops loses all of the node of an instance that is not to be remade.
func (r *region) stops(id string) {
	r.T.Helper()
	old := r.on(r.instance(r.Nodes[0], id))
	ask := r.others(old)[0]
	lost := time.Now()
	old.KillAll()
	r.Eventually(id+" stopped", func() error {
		if i := r.instance(ask, id); i.State != "stopped" {
			return fmt.Errorf("%+v", i)
		}
		return nil
	})
	code, why := r.stateReason(ask, id)
	r.T.Logf("stopped within %s: %s", seconds(time.Since(lost)), why)
	if code != "Server.InternalError" || !strings.Contains(why, old.Name) || !strings.Contains(why, "was lost") {
		r.T.Errorf("state reason %q %q", code, why)
	}
	r.Start(old)
	r.Peers(3, 0, r.Nodes...)
	if i := r.instance(old, id); i.State != "stopped" {
		r.T.Errorf("after the return of %s: %+v", old.Name, i)
	}
}
