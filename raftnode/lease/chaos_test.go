// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm/state"
)

// TestChaos_NoInstanceRunsTwice cuts, pauses and heals at random; make soak runs many seeds, HIVE_LEASE_SEEDS=n as many as it says.
func TestChaos_NoInstanceRunsTwice(t *testing.T) {
	t.Parallel()
	seeds := 2
	if os.Getenv("HIVE_SOAK") != "" {
		seeds = 30
	}
	if n, err := strconv.Atoi(os.Getenv("HIVE_LEASE_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			run(t, 5, uint64(seed), func(w *world) { chaos(t, w, rand.New(rand.NewPCG(uint64(seed), 7))) })
		})
	}
}

func chaos(t *testing.T, w *world, rng *rand.Rand) {
	ids := []string{"n0", "n1", "n2", "n3", "n4"}
	for n := range 3 {
		w.launch(fmt.Sprintf("i-%d", n), ids[rng.IntN(len(ids))], "remake")
	}
	some := func() string { return ids[rng.IntN(len(ids))] }
	frozen := map[string]bool{}
	for range 25 {
		switch id := some(); rng.IntN(7) {
		case 0, 1:
			w.cluster.Net.Isolate(id)
		case 2:
			w.cluster.Net.Cut(id, some())
		case 3:
			if len(frozen) < 2 {
				w.freeze(id)
				frozen[id] = true
			}
		case 4:
			w.nodes[id].host.Freeze() // the part that moves guests stands still, and the rest goes on
			frozen[id] = true
		case 5:
			if m := w.cluster.Member(id); m.Node.IsLeader() {
				w.cluster.Net.Isolate(id)
			}
		case 6:
			for id := range frozen {
				w.thaw(id)
			}
			clear(frozen)
			w.cluster.Net.HealAll()
		}
		w.settle(time.Duration(rng.IntN(6000)) * time.Millisecond)
	}
	for id := range frozen {
		w.thaw(id)
	}
	w.cluster.Net.HealAll()
	lost := 0
	for _, e := range w.view().EventsAfter(0) {
		if e.Kind == state.EventNodeLost {
			lost++
		}
	}
	t.Logf("%d losses in %v", lost, time.Since(w.begun))
	w.until("everything runs again, where the region says", 3*time.Minute, func() bool {
		for n := range 3 {
			i := w.instance(fmt.Sprintf("i-%d", n))
			at := w.check.where(i.ID)
			if i.State == state.Running && at != i.NodeID || i.State != state.Running && at != "" || i.State == state.Pending {
				return false
			}
		}
		return true
	})
}
