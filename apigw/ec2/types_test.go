// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// typeNames are the names that a call of DescribeInstanceTypes answers, in order.
func typeNames(t *testing.T, w *world, in *sdk.DescribeInstanceTypesInput) []string {
	t.Helper()
	out, err := w.svc.DescribeInstanceTypes(w.as(t, alice, "DescribeInstanceTypes"), in)
	if err != nil {
		t.Fatalf("describe instance types: %v", err)
	}
	var names []string
	for _, i := range out.InstanceTypes {
		names = append(names, string(i.InstanceType))
	}
	return names
}

func TestDescribeInstanceTypesShowsWhatNodesOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "t2.micro", "t3.micro", "t3.small")
	if got := typeNames(t, w, &sdk.DescribeInstanceTypesInput{}); !slices.Equal(got, []string{"t2.micro", "t3.micro", "t3.small"}) {
		t.Errorf("got %v", got)
	}
	out, err := w.svc.DescribeInstanceTypes(w.as(t, alice, "x"), &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"t3.small"}})
	if err != nil {
		t.Fatal(err)
	}
	i := out.InstanceTypes[0]
	if *i.VCpuInfo.DefaultVCpus != 2 || *i.MemoryInfo.SizeInMiB != 2048 || i.Hypervisor != "nitro" || *i.NetworkInfo.MaximumNetworkInterfaces != 3 || i.SupportedInRegion != nil {
		t.Errorf("got %+v", i)
	}
	all := typeNames(t, w, &sdk.DescribeInstanceTypesInput{IncludeUnsupportedInRegion: ptr(true)})
	if len(all) != len(instancetypes.All()) {
		t.Errorf("unsupported types included: got %d, want %d", len(all), len(instancetypes.All()))
	}
	_, err = w.svc.DescribeInstanceTypes(w.as(t, alice, "x"), &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"t9.x", "m7i.large"}})
	wantError(t, err, "InvalidInstanceType", "The following supplied instance types do not exist: [t9.x, m7i.large]")
}

func TestDescribeInstanceTypesFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "t2.micro", "t3.micro", "t3.small")
	for _, c := range []struct {
		name, value string
		want        []string
	}{
		{"instance-type", "t3.*", []string{"t3.micro", "t3.small"}},
		{"memory-info.size-in-mib", "2048", []string{"t3.small"}},
		{"vcpu-info.default-vcpus", "1", []string{"t2.micro"}},
		{"hypervisor", "xen", []string{"t2.micro"}},
		{"processor-info.supported-architecture", "i386", []string{"t2.micro"}},
		{"processor-info.sustained-clock-speed-in-ghz", "2.5", []string{"t2.micro", "t3.micro", "t3.small"}},
		{"ebs-info.ebs-optimized-info.baseline-iops", "500", []string{"t3.micro"}},
		{"network-info.ena-support", "required", []string{"t3.micro", "t3.small"}},
		{"supported-boot-mode", "uefi", []string{"t3.micro", "t3.small"}},
		{"burstable-performance-supported", "false", nil},
	} {
		if got := typeNames(t, w, &sdk.DescribeInstanceTypesInput{Filters: filters(c.name, c.value)}); !slices.Equal(got, c.want) {
			t.Errorf("filter %s=%s: got %v, want %v", c.name, c.value, got, c.want)
		}
	}
	for name := range typeFilters {
		if got := typeNames(t, w, &sdk.DescribeInstanceTypesInput{Filters: filters(name, "no-such-value")}); len(got) != 0 {
			t.Errorf("filter %s matches anything", name)
		}
	}
}

// The capacity filter shows a type once for each instance that fits, and less of it after a launch.
func TestDescribeInstanceTypesCountsFreeCapacity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "t3.micro", "t3.large")
	micro, _ := instancetypes.Lookup("t3.micro")
	large, _ := instancetypes.Lookup("t3.large")
	charge := large.Charge("tcg", instancetypes.Ratios{})
	w.must(t, command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: fsmtest.NodeID, Name: "test", Zone: fsmtest.Zone, Caps: []string{"ec2"}, Types: []string{"t3.large", "t3.micro"}, Accel: "tcg",
		Schedulable: state.Resources{MilliCPU: 1 << 20, MemoryMiB: 2*charge.MemoryMiB + micro.Charge("tcg", instancetypes.Ratios{}).MemoryMiB}}})
	count := func(in *sdk.DescribeInstanceTypesInput) map[string]int {
		got := map[string]int{}
		for _, name := range typeNames(t, w, in) {
			got[name]++
		}
		return got
	}
	before := count(&sdk.DescribeInstanceTypesInput{Filters: filters("capacity", "true")})
	if before["t3.large"] != 2 || before["t3.micro"] < 14 {
		t.Errorf("got %v", before)
	}
	w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.InstanceType = "t3.large" })
	if after := count(&sdk.DescribeInstanceTypesInput{Filters: filters("capacity", "true")}); after["t3.large"] != 1 {
		t.Errorf("after a launch: got %v", after)
	}
	if plain := count(&sdk.DescribeInstanceTypesInput{Filters: filters("capacity", "false")}); plain["t3.large"] != 1 || plain["t3.micro"] != 1 {
		t.Errorf("without capacity: got %v", plain)
	}
	_, err := w.svc.DescribeInstanceTypes(w.as(t, alice, "x"), &sdk.DescribeInstanceTypesInput{Filters: filters("capacity", "many")})
	wantError(t, err, "InvalidParameterValue", "")
	page, err := w.svc.DescribeInstanceTypes(w.as(t, alice, "x"), &sdk.DescribeInstanceTypesInput{Filters: filters("capacity", "true"), MaxResults: ptr[int32](5)})
	if err != nil || len(page.InstanceTypes) != 5 || page.NextToken == nil {
		t.Errorf("page: got %d, %v", len(page.InstanceTypes), err)
	}
}

// aRegion is a region that does not change: rows that no command makes yet can be put into it.
type aRegion struct{ store *state.Store }

func (r aRegion) View(context.Context) (*state.View, error) { return r.store.View(), nil }

func (r aRegion) Propose(context.Context, command.Command, any) error {
	return errors.New("this region does not change")
}

// Free capacity is the sum over the nodes that take new work; a cordoned node still offers its types, in its zone.
func TestDescribeInstanceTypesCountsTheWholeRegion(t *testing.T) {
	t.Parallel()
	micro, _ := instancetypes.Lookup("t3.micro")
	charge := micro.Charge("tcg", instancetypes.Ratios{})
	store := state.NewStore()
	tx := store.Begin()
	state.Regions.Put(tx, &state.Region{Key: state.RegionKey, Name: fsmtest.Name, Zones: []state.Zone{{Name: "a", ID: "az1"}, {Name: "b", ID: "az2"}, {Name: "c", ID: "az3"}}})
	for n, c := range []struct {
		zone, caps string
		room       int64
		cordoned   bool
		types      []string
	}{
		{"a", "ec2", 3, false, []string{"t3.micro"}}, {"a", "ec2", 2, false, []string{"t3.micro"}}, {"b", "ec2", 1, false, []string{"m5.large", "t3.micro"}},
		{"c", "ec2", 9, true, []string{"t3.micro"}}, {"b", "s3", 9, false, []string{"t3.micro"}}, {"b", "ec2", 9, false, []string{"t3.nano"}},
	} {
		id := string(rune('p' + n))
		state.Nodes.Put(tx, &state.Node{ID: id, Name: id, Zone: c.zone, Caps: []string{c.caps}, Types: c.types, Accel: "tcg", Cordoned: c.cordoned,
			Schedulable: state.Resources{MilliCPU: 1 << 20, MemoryMiB: charge.MemoryMiB * c.room}})
	}
	state.Instances.Put(tx, &state.Instance{ID: "i-1", NodeID: "p", State: state.Running, Charge: state.Resources{MilliCPU: charge.MilliCPU, MemoryMiB: charge.MemoryMiB}})
	state.Instances.Put(tx, &state.Instance{ID: "i-2", NodeID: "q", State: state.Stopped, Charge: state.Resources{MilliCPU: charge.MilliCPU, MemoryMiB: charge.MemoryMiB}})
	tx.Commit()
	svc, err := New(Config{Region: aRegion{store}, Console: &fakeConsole{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := (&world{}).as(t, alice, "DescribeInstanceTypes")
	out, err := svc.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{Filters: filters("capacity", "true", "instance-type", "t3.micro")})
	if err != nil || len(out.InstanceTypes) != 5 { // 3 - 1 + 2 + 1
		t.Errorf("got %d free, %v, want 5", len(out.InstanceTypes), err)
	}
	for kind, want := range map[types.LocationType][]string{"region": {fsmtest.Name}, "availability-zone": {"a", "b", "c"}, "availability-zone-id": {"az1", "az2", "az3"}} {
		offered, err := svc.DescribeInstanceTypeOfferings(ctx, &sdk.DescribeInstanceTypeOfferingsInput{LocationType: kind, Filters: filters("instance-type", "t3.micro")})
		got := each(offered.InstanceTypeOfferings, func(o types.InstanceTypeOffering) string { return *o.Location })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("t3.micro by %s: got %v, %v, want %v", kind, got, err, want)
		}
	}
	offered, err := svc.DescribeInstanceTypeOfferings(ctx, &sdk.DescribeInstanceTypeOfferingsInput{LocationType: "availability-zone", Filters: filters("location", "b")})
	got := each(offered.InstanceTypeOfferings, func(o types.InstanceTypeOffering) string { return string(o.InstanceType) })
	if err != nil || !slices.Equal(got, []string{"m5.large", "t3.micro", "t3.nano"}) {
		t.Errorf("offered in zone b: got %v, %v", got, err)
	}
}

func TestDescribeInstanceTypeOfferings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "t2.micro", "t3.micro")
	for kind, location := range map[types.LocationType]string{"": fsmtest.Name, "region": fsmtest.Name, "availability-zone": fsmtest.Zone, "availability-zone-id": "eut1-az1"} {
		out, err := w.svc.DescribeInstanceTypeOfferings(w.as(t, alice, "x"), &sdk.DescribeInstanceTypeOfferingsInput{LocationType: kind})
		if err != nil || len(out.InstanceTypeOfferings) != 2 || *out.InstanceTypeOfferings[0].Location != location {
			t.Errorf("%s: got %+v, %v", kind, out, err)
		}
	}
	out, err := w.svc.DescribeInstanceTypeOfferings(w.as(t, alice, "x"), &sdk.DescribeInstanceTypeOfferingsInput{Filters: filters("instance-type", "t3.*", "location", fsmtest.Name)})
	if err != nil || len(out.InstanceTypeOfferings) != 1 {
		t.Errorf("filtered: got %+v, %v", out, err)
	}
	_, err = w.svc.DescribeInstanceTypeOfferings(w.as(t, alice, "x"), &sdk.DescribeInstanceTypeOfferingsInput{LocationType: "planet"})
	wantError(t, err, "InvalidParameterValue", "")
}
