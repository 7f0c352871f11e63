// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// wantRefusal proposes a command and wants it refused with a code; "" wants it carried out.
func wantRefusal(t *testing.T, r *fsmtest.Region, c command.Command, code string) {
	t.Helper()
	err := r.Propose(t.Context(), c, nil)
	var refusal *command.Error
	if got := errors.As(err, &refusal); err != nil && !got || got && refusal.Code != code || err == nil && code != "" {
		t.Errorf("%T: got %v, want %q", c, err, code)
	}
}

func groupOf(name, strategy, level string, partitions int) command.CreatePlacementGroup {
	return command.CreatePlacementGroup{Group: state.PlacementGroup{ID: "pg-" + name, AccountID: account, Name: name, Strategy: strategy, SpreadLevel: level, Partitions: partitions},
		Tags: []state.Tag{{Key: "k", Value: "v"}}}
}

func TestPlacementGroup_LifeCycle(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	wantRefusal(t, r, groupOf("g", "spread", "rack", 0), "")
	again := groupOf("g", "cluster", "", 0)
	again.Group.ID = "pg-other"
	wantRefusal(t, r, again, "InvalidPlacementGroup.Duplicate")
	again.Group.AccountID = "222222222222" // names are an account's own
	wantRefusal(t, r, again, "")
	for name, c := range map[string]command.CreatePlacementGroup{
		"a": groupOf("a", "cluster", "rack", 0), "b": groupOf("b", "cluster", "", 2), "c": groupOf("c", "spread", "", 0), "d": groupOf("d", "spread", "shelf", 0),
		"e": groupOf("e", "partition", "", 0), "f": groupOf("f", "partition", "", 8), "g": groupOf("h", "partition", "rack", 2), "h": groupOf("i", "heap", "", 0),
	} {
		t.Run(name, func(t *testing.T) { wantRefusal(t, r, c, "InvalidParameterCombination") })
	}
	launch := launchOf(account, image, "1", "")
	launch.Launches[0].Instance.PlacementGroupID = "pg-g"
	wantRefusal(t, r, launch, "")
	wantRefusal(t, r, command.DeletePlacementGroup{AccountID: account, Name: "g"}, "InvalidPlacementGroup.InUse")
	wantRefusal(t, r, command.DeletePlacementGroup{AccountID: account, Name: "none"}, "InvalidPlacementGroup.Unknown")
	r.Observe(t, "i-1", command.SawRunning)
	wantRefusal(t, r, command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, "")
	wantRefusal(t, r, command.DeletePlacementGroup{AccountID: account, Name: "g"}, "InvalidPlacementGroup.InUse")
	r.Observe(t, "i-1", command.SawTerminated)
	wantRefusal(t, r, command.DeletePlacementGroup{AccountID: account, Name: "g"}, "")
	if tags := r.FSM.View().TagsOf(account, "pg-g"); len(tags) != 0 {
		t.Errorf("the tags outlived the group: %v", tags)
	}
	wantRefusal(t, r, command.CreateTags{AccountID: account, Resources: []string{"pg-g"}, Tags: []state.Tag{{Key: "k"}}}, "InvalidPlacementGroup.Unknown")
}

// A plan that was made before another launch took the place is refused as a conflict, so that it is planned anew.
func TestPlacementGroup_StalePlanIsAConflict(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	wantRefusal(t, r, groupOf("s", "spread", "host", 0), "")
	wantRefusal(t, r, groupOf("p", "partition", "", 2), "")
	in := func(id, group string, wanted, planned int) command.RunInstances {
		c := launchOf(account, image, id, "")
		c.Launches[0].Instance.PlacementGroupID, c.Launches[0].Instance.Partition = group, wanted
		c.Planned, c.Plan = true, []command.Assignment{{NodeID: fsmtest.NodeID, BootMode: "legacy-bios", Partition: planned}}
		return c
	}
	wantRefusal(t, r, in("1", "pg-s", 0, 0), "")
	wantRefusal(t, r, in("2", "pg-s", 0, 0), command.PlanConflict)
	wantRefusal(t, r, in("3", "pg-s", 0, 1), command.PlanConflict)
	wantRefusal(t, r, in("4", "pg-p", 0, 0), command.PlanConflict)
	wantRefusal(t, r, in("5", "pg-p", 0, 3), command.PlanConflict)
	wantRefusal(t, r, in("6", "pg-p", 1, 2), command.PlanConflict)
	wantRefusal(t, r, in("7", "pg-p", 0, 2), "")
	wantRefusal(t, r, in("8", "pg-p", 1, 1), command.PlanConflict)
	wantRefusal(t, r, in("9", "pg-none", 0, 0), "InvalidPlacementGroup.Unknown")
	if i, _ := state.Instances.Get(r.FSM.View(), account, "i-7"); i == nil || i.Partition != 2 {
		t.Errorf("the plan's partition is not the instance's: %+v", i)
	}
}

func TestModifyInstancePlacement(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	wantRefusal(t, r, groupOf("s", "spread", "host", 0), "")
	wantRefusal(t, r, groupOf("p", "partition", "", 3), "")
	launchOne(t, r, r.AddImage(t, account, "img", 1), "1")
	r.Observe(t, "i-1", command.SawRunning)
	move := func(group string, partition int) command.ModifyInstancePlacement {
		c := command.ModifyInstancePlacement{AccountID: account, InstanceID: "i-1"}
		if group != "-" {
			c.GroupID = &group
		}
		if partition >= 0 {
			c.Partition = &partition
		}
		return c
	}
	want := func(group string, partition int) {
		t.Helper()
		if i, _ := state.Instances.Get(r.FSM.View(), account, "i-1"); i.PlacementGroupID != group || i.Partition != partition {
			t.Errorf("got group %q partition %d, want %q %d", i.PlacementGroupID, i.Partition, group, partition)
		}
	}
	wantRefusal(t, r, move("pg-s", -1), "IncorrectInstanceState")
	wantRefusal(t, r, command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, "")
	wantRefusal(t, r, move("pg-s", -1), "IncorrectInstanceState")
	r.Observe(t, "i-1", command.SawStopped)
	wantRefusal(t, r, move("pg-none", -1), "InvalidPlacementGroup.Unknown")
	wantRefusal(t, r, move("pg-s", 1), "InvalidParameterValue")
	wantRefusal(t, r, move("pg-p", 4), "InvalidParameterValue")
	wantRefusal(t, r, move("-", 1), "InvalidParameterValue")
	want("", 0)
	wantRefusal(t, r, move("pg-p", 2), "")
	want("pg-p", 2)
	wantRefusal(t, r, move("pg-p", -1), "")
	want("pg-p", 2)
	wantRefusal(t, r, move("-", 3), "")
	want("pg-p", 3)
	wantRefusal(t, r, move("pg-s", -1), "")
	want("pg-s", 0)
	wantRefusal(t, r, command.DeletePlacementGroup{AccountID: account, Name: "s"}, "InvalidPlacementGroup.InUse")
	wantRefusal(t, r, move("", -1), "")
	want("", 0)
	wantRefusal(t, r, command.DeletePlacementGroup{AccountID: account, Name: "s"}, "")
	wantRefusal(t, r, command.ModifyInstancePlacement{AccountID: "222222222222", InstanceID: "i-1"}, "InvalidInstanceID.NotFound")
}

func TestPlacementGroup_Quota(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	for n := range state.MaxPlacementGroups {
		wantRefusal(t, r, groupOf(fmt.Sprint(n), "cluster", "", 0), "")
	}
	wantRefusal(t, r, groupOf("more", "cluster", "", 0), "PlacementGroupLimitExceeded")
	other := groupOf("more", "cluster", "", 0)
	other.Group.AccountID = "222222222222"
	wantRefusal(t, r, other, "")
}
