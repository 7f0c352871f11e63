// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// catalogue charges as the agent does.
type catalogue struct{}

func (catalogue) Charge(name string, _ state.Shape, accel string) state.Resources {
	t, _ := instancetypes.Lookup(name)
	c := t.Charge(accel, instancetypes.Ratios{})
	return state.Resources{MilliCPU: c.MilliCPU, MemoryMiB: c.MemoryMiB}
}

// plan has the real scheduler place what is launched from now on.
func (w *world) plan(tb testing.TB) {
	tb.Helper()
	w.planner = scheduler.New(catalogue{})
	for n := range state.Nodes.All(w.FSM.View()) {
		w.must(tb, command.ReportNode{NodeID: n.ID, FreeStorageGiB: 1000})
	}
}

// newRacks is a world of the first node, which is a rack of its own, two nodes in rack B, one in rack C, and one in the
// other zone; the real scheduler places.
func newRacks(tb testing.TB) *world {
	tb.Helper()
	w := newWorld(tb, "m5.large", "t3.micro")
	for name, at := range map[string][2]string{"b1": {fsmtest.Zone, "B"}, "b2": {fsmtest.Zone, "B"}, "c1": {fsmtest.Zone, "C"}, "z1": {fsmtest.Name + "b", "B"}} {
		w.addNode(tb, name, at[0], at[1])
	}
	w.plan(tb)
	return w
}

func (w *world) addNode(tb testing.TB, name, zone, domain string) {
	tb.Helper()
	w.must(tb, command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: "n-" + name, Name: name, Zone: zone, FailureDomain: domain, Caps: []string{"ec2"}, Types: []string{"m5.large", "t3.micro"},
		Accel: "tcg", Schedulable: state.Resources{MilliCPU: 8000, MemoryMiB: 32 << 10}}})
}

// group makes a placement group of account.
func (w *world) group(tb testing.TB, account string, in sdk.CreatePlacementGroupInput) *types.PlacementGroup {
	tb.Helper()
	out, err := w.svc.CreatePlacementGroup(w.as(tb, account, "CreatePlacementGroup"), &in)
	if err != nil {
		tb.Fatalf("create placement group %s: %v", *in.GroupName, err)
	}
	return out.PlacementGroup
}

// into is a launch of count instances with a placement.
func (w *world) into(tb testing.TB, count int32, p types.Placement, change ...func(*sdk.RunInstancesInput)) (*sdk.RunInstancesOutput, error) {
	tb.Helper()
	in := &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: &count, MaxCount: &count, Placement: &p}
	for _, c := range change {
		c(in)
	}
	return w.svc.RunInstances(w.as(tb, alice, "RunInstances"), in)
}

func TestCreatePlacementGroup_DefaultsAndAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tags := []types.TagSpecification{{ResourceType: "placement-group", Tags: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}}
	g := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("web"), Strategy: "spread", TagSpecifications: tags})
	if g.SpreadLevel != "rack" || g.State != "available" || g.PartitionCount != nil || !strings.HasPrefix(*g.GroupId, "pg-") || len(*g.GroupId) != 20 ||
		*g.GroupArn != "arn:aws:ec2:eu-test-1:"+alice+":placement-group/web" || len(g.Tags) != 1 {
		t.Errorf("spread: got %+v", g)
	}
	if g := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("parts"), Strategy: "partition"}); *g.PartitionCount != 2 || g.SpreadLevel != "" {
		t.Errorf("partition: got %+v", g)
	}
	if g := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("seven"), Strategy: "partition", PartitionCount: ptr[int32](7)}); *g.PartitionCount != 7 {
		t.Errorf("seven partitions: got %+v", g)
	}
	if g := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("near"), Strategy: "cluster"}); g.PartitionCount != nil || g.SpreadLevel != "" {
		t.Errorf("cluster: got %+v", g)
	}
	w.group(t, bob, sdk.CreatePlacementGroupInput{GroupName: ptr("web"), Strategy: "cluster"}) // names are an account's own
}

func TestCreatePlacementGroup_Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("web"), Strategy: "spread"})
	for _, c := range []struct {
		in            sdk.CreatePlacementGroupInput
		code, message string
	}{
		{sdk.CreatePlacementGroupInput{Strategy: "spread"}, "MissingParameter", "The request must contain the parameter groupName"},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x")}, "MissingParameter", "The request must contain the parameter strategy"},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "heap"}, "InvalidParameterValue", "Invalid value 'heap' for strategy"},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "spread", SpreadLevel: "shelf"}, "InvalidParameterValue", "Invalid value 'shelf' for spreadLevel"},
		{sdk.CreatePlacementGroupInput{GroupName: ptr(strings.Repeat("x", 256)), Strategy: "spread"}, "InvalidParameterValue", ""},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("größe"), Strategy: "spread"}, "InvalidParameterValue", ""},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("web"), Strategy: "cluster"}, "InvalidPlacementGroup.Duplicate", "The placement group 'web' already exists."},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "spread", PartitionCount: ptr[int32](2)}, "InvalidParameterCombination", ""},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "cluster", SpreadLevel: "rack"}, "InvalidParameterCombination", ""},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "partition", PartitionCount: ptr[int32](8)}, "InvalidParameterValue", "Value (8) for parameter partitionCount is invalid. A placement group may have 1 to 7 partitions."},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "partition", PartitionCount: ptr[int32](0)}, "InvalidParameterValue", ""},
		{sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "spread", TagSpecifications: tagSpecification("volume")}, "InvalidParameterValue", ""},
	} {
		_, err := w.svc.CreatePlacementGroup(w.as(t, alice, "CreatePlacementGroup"), &c.in)
		wantError(t, err, c.code, c.message)
	}
}

func TestDescribePlacementGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spread := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("spread"), Strategy: "spread", SpreadLevel: "host", TagSpecifications: tagSpecification("placement-group")})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("near"), Strategy: "cluster"})
	hers := w.group(t, bob, sdk.CreatePlacementGroupInput{GroupName: ptr("bobs"), Strategy: "cluster"})
	names := func(in sdk.DescribePlacementGroupsInput) []string {
		t.Helper()
		out, err := w.svc.DescribePlacementGroups(w.as(t, alice, "DescribePlacementGroups"), &in)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, g := range out.PlacementGroups {
			list = append(list, *g.GroupName)
		}
		return list
	}
	for _, c := range []struct {
		in   sdk.DescribePlacementGroupsInput
		want []string
	}{
		{sdk.DescribePlacementGroupsInput{}, []string{"near", "spread"}},
		{sdk.DescribePlacementGroupsInput{GroupNames: []string{"near"}}, []string{"near"}},
		{sdk.DescribePlacementGroupsInput{GroupIds: []string{*spread.GroupId}, GroupNames: []string{"spread"}}, []string{"spread"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("group-name", "sp*")}, []string{"spread"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("group-arn", *spread.GroupArn)}, []string{"spread"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("spread-level", "host")}, []string{"spread"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("state", "available", "strategy", "cluster")}, []string{"near"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("tag:a", "b")}, []string{"spread"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("tag-key", "a")}, []string{"spread"}},
		{sdk.DescribePlacementGroupsInput{Filters: filters("state", "deleted")}, nil},
	} {
		if got := names(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.in, got, c.want)
		}
	}
	for _, c := range []struct {
		in            sdk.DescribePlacementGroupsInput
		code, message string
	}{
		{sdk.DescribePlacementGroupsInput{GroupNames: []string{"bobs"}}, "InvalidPlacementGroup.Unknown", "The Placement Group 'bobs' is unknown."},
		{sdk.DescribePlacementGroupsInput{GroupIds: []string{*hers.GroupId}}, "InvalidPlacementGroup.Unknown", "The Placement Group '" + *hers.GroupId + "' is unknown."},
		{sdk.DescribePlacementGroupsInput{GroupIds: []string{"web"}}, "InvalidPlacementGroupId.Malformed", ""},
		{sdk.DescribePlacementGroupsInput{Filters: filters("colour", "red")}, "InvalidParameterValue", ""},
	} {
		_, err := w.svc.DescribePlacementGroups(w.as(t, alice, "DescribePlacementGroups"), &c.in)
		wantError(t, err, c.code, c.message)
	}
}

func TestDeletePlacementGroup(t *testing.T) {
	t.Parallel()
	w := newRacks(t)
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("web"), Strategy: "spread"})
	remove := func(account, name string) error {
		_, err := w.svc.DeletePlacementGroup(w.as(t, account, "DeletePlacementGroup"), &sdk.DeletePlacementGroupInput{GroupName: &name})
		return err
	}
	wantError(t, remove(alice, ""), "MissingParameter", "The request must contain the parameter groupName")
	wantError(t, remove(alice, "other"), "InvalidPlacementGroup.Unknown", "The Placement Group 'other' is unknown.")
	wantError(t, remove(bob, "web"), "InvalidPlacementGroup.Unknown", "")
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.Placement = &types.Placement{GroupName: ptr("web")} })[0]
	wantError(t, remove(alice, "web"), "InvalidPlacementGroup.InUse", "The placement group 'web' is in use and may not be deleted.")
	w.stop(t, alice, id)
	wantError(t, remove(alice, "web"), "InvalidPlacementGroup.InUse", "")
	w.terminate(t, alice, id)
	if err := remove(alice, "web"); err != nil {
		t.Fatal(err)
	}
	out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil || out.Reservations[0].Instances[0].Placement.GroupName != nil {
		t.Errorf("the terminated instance after its group: %+v, %v", out, err)
	}
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("web"), Strategy: "cluster"})
}

// Spread, cluster and partition launches go where the strategy says, and are described with it.
func TestRunInstances_IntoPlacementGroups(t *testing.T) {
	t.Parallel()
	w := newRacks(t)
	spread := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("apart"), Strategy: "spread"})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("parts"), Strategy: "partition", PartitionCount: ptr[int32](3)})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("near"), Strategy: "cluster"})
	domains := func(out *sdk.RunInstancesOutput) []string {
		var list []string
		for _, i := range out.Instances {
			n, _ := state.Nodes.Get(w.FSM.View(), state.AnyAccount, w.row(t, *i.InstanceId).NodeID)
			list = append(list, fmt.Sprintf("%s %d", n.Domain(), valueOf(i.Placement.PartitionNumber)))
		}
		slices.Sort(list)
		return list
	}
	out, err := w.into(t, 3, types.Placement{GroupId: spread.GroupId, AvailabilityZone: ptr(fsmtest.Zone)})
	if err != nil {
		t.Fatal(err)
	}
	if got := domains(out); len(slices.Compact(got)) != 3 {
		t.Errorf("spread: %v", got)
	}
	if p := out.Instances[0].Placement; *p.GroupName != "apart" || *p.GroupId != *spread.GroupId || p.PartitionNumber != nil {
		t.Errorf("spread: described as %+v", p)
	}
	_, err = w.into(t, 1, types.Placement{GroupName: ptr("apart"), AvailabilityZone: ptr(fsmtest.Zone)})
	wantError(t, err, "InsufficientInstanceCapacity", "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (eu-test-1a); "+
		"nodes: 4 in a failure domain with an instance of the spread placement group (b1, b2, c1, test), 1 in another zone (z1).")
	elsewhere, err := w.into(t, 1, types.Placement{GroupName: ptr("apart")}) // without a zone, it is one with room
	if err != nil || *elsewhere.Instances[0].Placement.AvailabilityZone != fsmtest.Name+"b" {
		t.Errorf("spread without a zone: %+v, %v", elsewhere, err)
	}
	out, err = w.into(t, 3, types.Placement{GroupName: ptr("parts")})
	if err != nil {
		t.Fatal(err)
	}
	if got := domains(out); !slices.Equal(partitionsOf(got), []string{"1", "2", "3"}) {
		t.Errorf("partitions: got %v", got)
	}
	out, err = w.into(t, 3, types.Placement{GroupName: ptr("near")}, func(in *sdk.RunInstancesInput) { in.InstanceType = "m5.large" })
	if err != nil || len(slices.Compact(domains(out))) != 1 {
		t.Errorf("cluster: %v, %v", out, err)
	}
	w.filtersFind(t)
}

// partitionsOf are the partitions of "domain partition" entries, in order.
func partitionsOf(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, s[strings.LastIndex(s, " ")+1:])
	}
	slices.Sort(out)
	return out
}

// filtersFind checks DescribeInstances' filters on placement groups.
func (w *world) filtersFind(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		filters []types.Filter
		want    int
	}{
		{filters("placement-group-name", "apart"), 4},
		{filters("placement-group-name", "pa*"), 3},
		{filters("placement-partition-number", "2"), 1},
		{filters("placement-partition-number", "4"), 0},
		{filters("placement-group-name", "apart", "placement-partition-number", "1"), 0},
	} {
		out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), &sdk.DescribeInstancesInput{Filters: c.filters})
		n := 0
		for _, r := range out.Reservations {
			n += len(r.Instances)
		}
		if err != nil || n != c.want {
			t.Errorf("%v: got %d instances, %v, want %d", c.filters, n, err, c.want)
		}
	}
}

func TestRunInstances_PlacementRefusals(t *testing.T) {
	t.Parallel()
	w := newRacks(t)
	g := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("apart"), Strategy: "spread"})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("parts"), Strategy: "partition"})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("near"), Strategy: "cluster"})
	w.group(t, bob, sdk.CreatePlacementGroupInput{GroupName: ptr("bobs"), Strategy: "spread"})
	w.proposed = nil
	for _, c := range []struct {
		p             types.Placement
		code, message string
	}{
		{types.Placement{GroupName: ptr("other")}, "InvalidPlacementGroup.Unknown", "The Placement Group 'other' is unknown."},
		{types.Placement{GroupName: ptr("bobs")}, "InvalidPlacementGroup.Unknown", ""},
		{types.Placement{GroupId: ptr("pg-0123456789abcdef0")}, "InvalidPlacementGroup.Unknown", "The Placement Group 'pg-0123456789abcdef0' is unknown."},
		{types.Placement{GroupId: ptr("apart")}, "InvalidPlacementGroupId.Malformed", ""},
		{types.Placement{GroupName: ptr("apart"), GroupId: g.GroupId}, "InvalidParameterCombination", "The parameters GroupName and GroupId cannot be used together."},
		{types.Placement{PartitionNumber: ptr[int32](1)}, "InvalidParameterCombination", "The parameter PartitionNumber needs a placement group."},
		{types.Placement{GroupName: ptr("apart"), PartitionNumber: ptr[int32](1)}, "InvalidParameterCombination", ""},
		{types.Placement{GroupName: ptr("parts"), PartitionNumber: ptr[int32](3)}, "InvalidParameterValue", "Value (3) for parameter partitionNumber is invalid. The placement group 'parts' has the partitions 1 to 2."},
		{types.Placement{GroupName: ptr("parts"), PartitionNumber: ptr[int32](0)}, "InvalidParameterValue", ""},
		{types.Placement{GroupName: ptr("near")}, "InvalidParameterCombination", "Cluster placement groups are not supported by the 't3.micro' instance type. Specify a supported instance type or change the placement group strategy, and try again."},
	} {
		_, err := w.into(t, 1, c.p)
		wantError(t, err, c.code, c.message)
	}
	if len(w.proposed) != 0 {
		t.Errorf("refused launches proposed %v", w.proposed)
	}
}
