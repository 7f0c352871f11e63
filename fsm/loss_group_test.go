// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"testing"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// A cluster whose node is lost moves as a whole: what is still assigned to the lost node does not hold the others there.
// So does a partition, and an instance of a spread group finds the node that is left.
func TestNodeLost_GroupsMoveByTheirRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		group command.CreatePlacementGroup
		moved int
	}{
		{groupOf("g", state.ClusterStrategy, "", 0), 2},
		{groupOf("g", state.PartitionStrategy, "", 2), 2},
		{groupOf("g", state.SpreadStrategy, state.SpreadHost, 0), 1},
	} {
		t.Run(c.group.Group.Strategy, func(t *testing.T) {
			t.Parallel()
			r := lossRegion(t)
			mustPropose(t, r, command.ReportNode{NodeID: spare, NodeEpoch: 1, FreeStorageGiB: 100})
			mustPropose(t, r, c.group)
			lost := loss
			for _, id := range []string{"2", "3"} {
				if c.group.Group.Strategy == state.SpreadStrategy && id == "3" {
					break // the rule itself keeps a second one off the node
				}
				image, _ := state.Images.First(r.FSM.View(), state.ByAccount, account)
				l := launchOf(account, image.ID, id, "")
				l.Launches[0].Instance.PlacementGroupID = "pg-g"
				l.Launches[0].Volumes[0].SnapshotID = image.Devices[0].SnapshotID
				l.Planned, l.Plan = true, []command.Assignment{{NodeID: fsmtest.NodeID}}
				if c.group.Group.Partitions > 0 {
					l.Plan[0].Partition = 2
				}
				mustPropose(t, r, l)
				mustPropose(t, r, command.CreateTags{AccountID: account, Resources: []string{"i-" + id}, Tags: []state.Tag{{Key: state.RecoveryTag, Value: state.RecoveryRemake}}})
				r.Observe(t, "i-"+id, command.SawRunning)
				lost.Moves = append(lost.Moves, command.Move{InstanceID: "i-" + id, Volumes: []command.FreshVolume{{Device: "/dev/sda1", VolumeID: "vol-fresh" + id}}})
			}
			mustPropose(t, r, scheduler.New(unit{}).Plan(r.FSM.View(), lost))
			moved := 0
			for i := range state.Instances.List(r.FSM.View(), state.ByNode, spare) {
				if i.PlacementGroupID == "pg-g" && i.Holds() {
					moved++
				}
			}
			if moved != c.moved {
				t.Errorf("%d instances of the group moved, want %d", moved, c.moved)
			}
			groupRules(t, r.FSM.View())
		})
	}
}
