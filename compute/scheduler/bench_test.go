// SPDX-License-Identifier: Apache-2.0

package scheduler_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// catalogue charges as the agent does.
type catalogue struct{}

func (catalogue) Charge(name string, s state.Shape, accel string) state.Resources {
	t, _ := instancetypes.Lookup(name)
	c := t.Charge(accel, instancetypes.Ratios{})
	return state.Resources{MilliCPU: c.MilliCPU, MemoryMiB: c.MemoryMiB}
}

// bigRegion is 50 nodes in ten racks with 2,000 instances, 100 of them in a partition group.
func bigRegion(tb testing.TB) *state.View {
	tb.Helper()
	store := state.NewStore()
	tx := store.Begin()
	var holders []string
	for n := range 50 {
		id := fmt.Sprintf("n-%02d", n)
		state.Nodes.Put(tx, &state.Node{ID: id, Name: id, Zone: "r1a", FailureDomain: fmt.Sprintf("rack-%d", n%10), Caps: []string{"ec2"}, Types: []string{"t3.micro"}, Accel: "kvm",
			FreeStorageGiB: 4000, Schedulable: state.Resources{MilliCPU: 64000, MemoryMiB: 256 << 10}})
		if n%5 == 0 {
			holders = append(holders, id)
		}
	}
	state.Snapshots.Put(tx, &state.Snapshot{ID: "snap-1", AccountID: account, Bytes: 8 << 30, Nodes: holders})
	state.PlacementGroups.Put(tx, &state.PlacementGroup{ID: "pg-p", AccountID: account, Name: "p", Strategy: state.PartitionStrategy, Partitions: 5})
	state.PlacementGroups.Put(tx, &state.PlacementGroup{ID: "pg-c", AccountID: account, Name: "c", Strategy: state.ClusterStrategy})
	for n := range 2000 {
		i := &state.Instance{ID: fmt.Sprintf("i-%05d", n), AccountID: account, Zone: "r1a", Type: "t3.micro", NodeID: fmt.Sprintf("n-%02d", n%50), State: state.Running,
			Charge: state.Resources{MilliCPU: 500, MemoryMiB: 1100}}
		if n < 100 {
			i.PlacementGroupID, i.Partition = "pg-p", n%10%5+1
		}
		state.Instances.Put(tx, i)
	}
	tx.Commit()
	return store.View()
}

func launchOf(count int, group string) command.RunInstances {
	c := command.RunInstances{AccountID: account, MinCount: count}
	for n := range count {
		c.Launches = append(c.Launches, command.Launch{
			Instance: state.Instance{ID: fmt.Sprintf("i-new-%d", n), AccountID: account, Zone: "r1a", Type: "t3.micro", Shape: state.Shape{VCPUs: 2, MemoryMiB: 1024}, PlacementGroupID: group},
			Volumes:  []state.Volume{{SnapshotID: "snap-1"}},
		})
	}
	return c
}

// BenchmarkPlan is what a launch costs the leader in a region of 50 nodes and 2,000 instances.
func BenchmarkPlan(b *testing.B) {
	v := bigRegion(b)
	s := scheduler.New(catalogue{})
	for _, group := range []string{"", "pg-p", "pg-c"} {
		for _, count := range []int{1, 100} {
			b.Run(fmt.Sprintf("group=%s/instances=%d", group, count), func(b *testing.B) {
				c := launchOf(count, group)
				for b.Loop() {
					if p := s.Plan(v, c).(command.RunInstances); p.Refusal != nil {
						b.Fatal(p.Refusal)
					}
				}
			})
		}
	}
}

// A cordoned node gets nothing new, and the refusal says so.
func TestCordonedNode_Skipped(t *testing.T) {
	t.Parallel()
	store := state.NewStore()
	tx := store.Begin()
	for n, cordoned := range []bool{true, false} {
		id := fmt.Sprintf("n-%d", n)
		state.Nodes.Put(tx, &state.Node{ID: id, Name: id, Zone: "r1a", Caps: []string{"ec2"}, Types: []string{"t3.micro"}, FreeStorageGiB: 100, Cordoned: cordoned,
			Schedulable: state.Resources{MilliCPU: 4000, MemoryMiB: 4096}})
	}
	state.Snapshots.Put(tx, &state.Snapshot{ID: "snap-1", AccountID: account, Nodes: []string{"n-0"}})
	tx.Commit()
	s := scheduler.New(flat{})
	p := s.Plan(store.View(), launchOf(2, "")).(command.RunInstances)
	if p.Refusal != nil || slices.ContainsFunc(p.Plan, func(a command.Assignment) bool { return a.NodeID != "n-1" }) {
		t.Fatalf("plan %v, refusal %v: want both on n-1", p.Plan, p.Refusal)
	}
	p = s.Plan(store.View(), launchOf(3, "")).(command.RunInstances)
	want := "InsufficientInstanceCapacity: We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (r1a); " +
		"there is room for 2 of at least 3; for the next, nodes: 1 cordoned (n-0), 1 out of CPU (n-1)."
	if p.Refusal == nil || p.Refusal.Error() != want {
		t.Fatalf("refusal %v, want %s", p.Refusal, want)
	}
}
