// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// drained is a region with a running instance on fsmtest's node, which is being drained.
func drained(t *testing.T) *fsmtest.Region {
	const account, subnet = "111111111111", "subnet-0111111111111000a"
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	for _, c := range []command.Command{
		command.RunInstances{AccountID: account, MinCount: 1, Launches: []command.Launch{{
			Instance: state.Instance{ID: "i-1", AccountID: account, ImageID: r.AddImage(t, account, "i", 1), Zone: fsmtest.Zone, Type: "t3.nano",
				Shape: state.Shape{VCPUs: 1, MemoryMiB: 512}, SubnetID: subnet},
			Interface: state.NetworkInterface{ID: "eni-1", SubnetID: subnet}}}},
		command.DrainNode{NodeID: fsmtest.NodeID, Draining: true},
	} {
		if err := r.Propose(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestDrain_FollowedToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := drained(t)
		var said []string
		d := &drain{node: fsmtest.NodeID, seen: map[string]string{}, send: func(v any) {
			e := v.(admin.DrainEvent)
			said = append(said, fmt.Sprintf("%s %s %d %v", e.Instance, e.Step, e.Left, e.Done))
		}}
		go func() {
			time.Sleep(30 * time.Second) // virtual: the guest takes its time
			r.Observe(t, "i-1", command.SawStopped)
		}()
		if err := d.follow(t.Context(), r.Local, r.Changed); err != nil {
			t.Fatal(err)
		}
		want := "i-1 stopping 1 false\ni-1 stopped 0 false\n nothing runs on the node any more 0 true"
		if got := strings.Join(said, "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestDrain_EndedBySomebodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := drained(t)
		d := &drain{node: fsmtest.NodeID, seen: map[string]string{}, send: func(any) {}}
		go func() {
			time.Sleep(5 * time.Second) // virtual
			if err := r.Propose(t.Context(), command.DrainNode{NodeID: fsmtest.NodeID}, nil); err != nil {
				t.Error(err)
			}
		}()
		if err := d.follow(t.Context(), r.Local, r.Changed); err == nil || !strings.Contains(err.Error(), "somebody ended the drain") {
			t.Errorf("got %v", err)
		}
	})
}
