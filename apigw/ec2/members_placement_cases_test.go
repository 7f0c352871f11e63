// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// The placement groups of alice in every fixture: "first" spreads, "second" and "third" have partitions.
const (
	spreadGroup    = "pg-00000000000000001"
	partitionGroup = "pg-00000000000000002"
	thirdGroup     = "pg-00000000000000003"
)

func (f *fixture) addGroups() {
	f.t.Helper()
	for _, g := range []state.PlacementGroup{
		{ID: spreadGroup, Name: "first", Strategy: state.SpreadStrategy, SpreadLevel: state.SpreadRack},
		{ID: partitionGroup, Name: "second", Strategy: state.PartitionStrategy, Partitions: 3},
		{ID: thirdGroup, Name: "third", Strategy: state.PartitionStrategy, Partitions: 3},
	} {
		g.AccountID = alice
		f.must(f.t, command.CreatePlacementGroup{Group: g, Tags: []state.Tag{{Key: "colour", Value: g.Name}}})
	}
}

// placedCase is a launch into a placement group, planned by the real planner.
func placedCase(name, id string, vary map[string]any) memberCase {
	return memberCase{vary: vary, base: func(f *fixture) any {
		f.plan(f.t)
		in := runBase(f)
		in.InstanceType, in.CpuOptions, in.MaxCount = "t3.micro", nil, ptr[int32](1)
		in.Placement = &types.Placement{}
		if name != "" {
			in.Placement.GroupName = &name
		}
		if id != "" {
			in.Placement.GroupId = &id
		}
		return in
	}}
}

// movedCase is a change of the stopped instance's placement.
func movedCase(in sdk.ModifyInstancePlacementInput, vary map[string]any) memberCase {
	return memberCase{vary: vary, base: func(f *fixture) any {
		fresh := in
		fresh.InstanceId = &f.stopped
		return &fresh
	}}
}

var placementCases = map[string][]memberCase{
	"CreatePlacementGroup": {
		{base: func(*fixture) any {
			return &sdk.CreatePlacementGroupInput{GroupName: ptr("new"), Strategy: "spread", TagSpecifications: tagSpecification("placement-group")}
		}, vary: variedTags(map[string]any{"GroupName": "newer", "Strategy": "cluster", "SpreadLevel": "host"})},
		{base: func(*fixture) any {
			return &sdk.CreatePlacementGroupInput{GroupName: ptr("new"), Strategy: "partition"}
		}, vary: map[string]any{"PartitionCount": int32(3)}},
	},
	"DeletePlacementGroup": {{base: func(*fixture) any { return &sdk.DeletePlacementGroupInput{GroupName: ptr("first")} },
		vary: map[string]any{"GroupName": "second"}}},
	"DescribePlacementGroups": {
		{base: func(*fixture) any { return &sdk.DescribePlacementGroupsInput{} },
			vary: map[string]any{"GroupNames": []string{"first"}, "GroupIds": []string{partitionGroup}}},
		{base: func(*fixture) any {
			return &sdk.DescribePlacementGroupsInput{Filters: filters("strategy", "spread")}
		}, vary: map[string]any{"Filters.Name": "state", "Filters.Values": []string{"no-such-value"}}},
	},
	"ModifyInstancePlacement": {
		movedCase(sdk.ModifyInstancePlacementInput{GroupName: ptr("second")}, map[string]any{
			"InstanceId": refusedValue{func(f *fixture) any { return f.running }}, "GroupName": "first", "PartitionNumber": int32(2)}),
		movedCase(sdk.ModifyInstancePlacementInput{GroupId: ptr(partitionGroup)}, map[string]any{"GroupId": spreadGroup}),
	},
}
