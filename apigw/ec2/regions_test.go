// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

func TestDescribeRegions(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	node, _ := state.Nodes.Get(w.region.FSM.View(), state.AnyAccount, fsmtest.NodeID)
	n := *node
	n.APIAddr = "node1.example:8443"
	if err := w.region.Propose(t.Context(), command.RegisterNode{Node: n}, nil); err != nil {
		t.Fatal(err)
	}
	got := do(w, alice, w.svc.DescribeRegions, &sdk.DescribeRegionsInput{AllRegions: aws.Bool(true)}).Regions
	if len(got) != 1 || *got[0].RegionName != fsmtest.Name || *got[0].Endpoint != "node1.example:8443" || *got[0].OptInStatus != "opt-in-not-required" {
		t.Fatalf("%+v", got)
	}
	for name, c := range map[string]struct {
		in   sdk.DescribeRegionsInput
		want int
	}{
		"by name":       {sdk.DescribeRegionsInput{RegionNames: []string{fsmtest.Name}}, 1},
		"name filter":   {sdk.DescribeRegionsInput{Filters: filterOf("region-name", "eu-*")}, 1},
		"no such name":  {sdk.DescribeRegionsInput{Filters: filterOf("region-name", "us-*")}, 0},
		"endpoint":      {sdk.DescribeRegionsInput{Filters: filterOf("endpoint", "*:8443")}, 1},
		"opt-in-status": {sdk.DescribeRegionsInput{Filters: filterOf("opt-in-status", "opted-in")}, 0},
	} {
		if got := do(w, alice, w.svc.DescribeRegions, &c.in).Regions; got == nil || len(got) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeRegions, &sdk.DescribeRegionsInput{RegionNames: []string{"us-east-1"}})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeRegions, &sdk.DescribeRegionsInput{Filters: filterOf("zone", "x")})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeRegions, &sdk.DescribeRegionsInput{Filters: filterOf("tag:a", "x")})
}

func TestDescribeAvailabilityZones(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	first := do(w, alice, w.svc.DescribeAvailabilityZones, &sdk.DescribeAvailabilityZonesInput{AllAvailabilityZones: aws.Bool(true)}).AvailabilityZones[0]
	if *first.ZoneName != fsmtest.Zone || *first.ZoneId != "eut1-az1" || *first.RegionName != fsmtest.Name || first.State != "available" || *first.ZoneType != "availability-zone" || *first.NetworkBorderGroup != fsmtest.Name {
		t.Errorf("%+v", first)
	}
	for name, c := range map[string]struct {
		in   sdk.DescribeAvailabilityZonesInput
		want int
	}{
		"all":             {sdk.DescribeAvailabilityZonesInput{}, 2},
		"names":           {sdk.DescribeAvailabilityZonesInput{ZoneNames: []string{fsmtest.Zone}}, 1},
		"ids":             {sdk.DescribeAvailabilityZonesInput{ZoneIds: []string{"eut1-az2"}}, 1},
		"both":            {sdk.DescribeAvailabilityZonesInput{ZoneNames: []string{fsmtest.Zone}, ZoneIds: []string{"eut1-az1", "eut1-az2"}}, 2},
		"zone-name":       {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("zone-name", fsmtest.Zone)}, 1},
		"zone-id":         {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("zone-id", "eut1-az2")}, 1},
		"state":           {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("state", "available")}, 2},
		"region-name":     {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("region-name", fsmtest.Name)}, 2},
		"zone-type":       {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("zone-type", "local-zone")}, 0},
		"group-name":      {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("group-name", fsmtest.Name+"-zg-1")}, 2},
		"group-long-name": {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("group-long-name", "*")}, 2},
		"opt-in-status":   {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("opt-in-status", "opt-in-not-required")}, 2},
		"message":         {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("message", "*")}, 0},
		"parent-zone-id":  {sdk.DescribeAvailabilityZonesInput{Filters: filterOf("parent-zone-id", "*")}, 0},
	} {
		if got := do(w, alice, w.svc.DescribeAvailabilityZones, &c.in).AvailabilityZones; got == nil || len(got) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeAvailabilityZones, &sdk.DescribeAvailabilityZonesInput{ZoneNames: []string{"mars-1a"}})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeAvailabilityZones, &sdk.DescribeAvailabilityZonesInput{ZoneIds: []string{"mars-az1"}})
}

func TestDescribeAccountAttributes(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	values := func(account string, names ...types.AccountAttributeName) map[string]string {
		out := map[string]string{}
		for _, a := range do(w, account, w.svc.DescribeAccountAttributes, &sdk.DescribeAccountAttributesInput{AttributeNames: names}).AccountAttributes {
			out[*a.AttributeName] = *a.AttributeValues[0].AttributeValue
		}
		return out
	}
	all := values(alice)
	for name, want := range map[string]string{
		"supported-platforms": "VPC", "default-vpc": "vpc-0" + alice + "0000", "max-instances": "1024",
		"vpc-max-security-groups-per-interface": "5", "max-elastic-ips": "5", "vpc-max-elastic-ips": "20",
	} {
		if all[name] != want {
			t.Errorf("%s is %q, want %q", name, all[name], want)
		}
	}
	if len(all) != 6 {
		t.Errorf("%d attributes", len(all))
	}
	if got := values(bob, "default-vpc"); len(got) != 1 || got["default-vpc"] != "vpc-0"+bob+"0000" {
		t.Errorf("by name: %v", got)
	}
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeAccountAttributes, &sdk.DescribeAccountAttributesInput{AttributeNames: []types.AccountAttributeName{"shoe-size"}})
}
