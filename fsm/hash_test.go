// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// TestHashAt_BelongsToItsIndex: hash and index are of one moment, also while entries come. Nodes are compared by them: a
// hash with the index of the next entry looks like a fork.
func TestHashAt_BelongsToItsIndex(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	launchOne(t, r, image, "1")

	type pair struct {
		hash  [32]byte
		index uint64
	}
	var seen []pair
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			hash, index := r.FSM.HashAt()
			seen = append(seen, pair{hash, index})
			select {
			case <-done:
				return
			default:
			}
		}
	})
	right := map[uint64][32]byte{r.FSM.Applied(): r.FSM.Hash()}
	for n := range 300 {
		tags := command.CreateTags{AccountID: account, Resources: []string{"i-1"}, Tags: []state.Tag{{Key: "n", Value: fmt.Sprint(n)}}}
		if err := r.Propose(t.Context(), tags, nil); err != nil {
			t.Fatal(err)
		}
		right[r.FSM.Applied()] = r.FSM.Hash()
	}
	close(done)
	wg.Wait()
	for _, p := range seen {
		if want, ok := right[p.index]; !ok || want != p.hash {
			t.Fatalf("HashAt said %x at %d, want %x", p.hash[:4], p.index, want[:4])
		}
	}
}
