// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

// optInNotRequired is the opt-in status of every region and zone: whoever has an account may use them.
const optInNotRequired = "opt-in-not-required"

var regionMembers = apigw.Members{
	"DescribeRegions":           {"RegionNames", "AllRegions", "Filters.*"},
	"DescribeAvailabilityZones": {"ZoneNames", "ZoneIds", "AllAvailabilityZones", "Filters.*"},
}

// describedRegions are DescribeRegions' filters.
var describedRegions = described[types.Region]{
	id: func(r types.Region) string { return valueOf(r.RegionName) },
	filters: map[string]func(types.Region) []string{
		"endpoint":      func(r types.Region) []string { return some(valueOf(r.Endpoint)) },
		"opt-in-status": func(r types.Region) []string { return some(valueOf(r.OptInStatus)) },
		"region-name":   func(r types.Region) []string { return some(valueOf(r.RegionName)) },
	},
}

// DescribeRegions lists this region: every region that can be used from here, enabled or not.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
func (s *Service) DescribeRegions(ctx context.Context, in *sdk.DescribeRegionsInput) (*sdk.DescribeRegionsOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedRegions, in.Filters, pageOf(nil, nil, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	region, _ := v.Region()
	for _, name := range in.RegionNames {
		if name != region.Name {
			return nil, awserr.InvalidParameterValue("Invalid region names: [%.128s]", name)
		}
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	shown := types.Region{RegionName: aws.String(region.Name), Endpoint: optional(apiEndpoint(v)), OptInStatus: aws.String(optInNotRequired)}
	return &sdk.DescribeRegionsOutput{Regions: list.unpaged([]types.Region{shown})}, nil
}

// apiEndpoint is host and port of the API: that of the first node that serves it.
func apiEndpoint(v *state.View) string {
	for n := range state.Nodes.All(v) {
		if n.APIAddr != "" && n.HasCap("api") {
			return n.APIAddr
		}
	}
	return ""
}

// describedZones are DescribeAvailabilityZones' filters. There are no local and no wavelength zones.
var describedZones = described[types.AvailabilityZone]{
	id: func(z types.AvailabilityZone) string { return valueOf(z.ZoneName) },
	filters: mergeFilters(map[string]func(types.AvailabilityZone) []string{
		"group-long-name": func(z types.AvailabilityZone) []string { return some(valueOf(z.GroupLongName)) },
		"group-name":      func(z types.AvailabilityZone) []string { return some(valueOf(z.GroupName)) },
		"opt-in-status":   func(z types.AvailabilityZone) []string { return some(string(z.OptInStatus)) },
		"region-name":     func(z types.AvailabilityZone) []string { return some(valueOf(z.RegionName)) },
		"state":           func(z types.AvailabilityZone) []string { return some(string(z.State)) },
		"zone-id":         func(z types.AvailabilityZone) []string { return some(valueOf(z.ZoneId)) },
		"zone-name":       func(z types.AvailabilityZone) []string { return some(valueOf(z.ZoneName)) },
		"zone-type":       func(z types.AvailabilityZone) []string { return some(valueOf(z.ZoneType)) },
	}, absent[types.AvailabilityZone]("message", "parent-zone-id", "parent-zone-name")),
}

// DescribeAvailabilityZones lists the region's zones.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
func (s *Service) DescribeAvailabilityZones(ctx context.Context, in *sdk.DescribeAvailabilityZonesInput) (*sdk.DescribeAvailabilityZonesOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedZones, in.Filters, pageOf(nil, nil, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	region, _ := v.Region()
	zones, err := namedZones(region, in.ZoneNames, in.ZoneIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	shown := translate(zones, func(z state.Zone) types.AvailabilityZone { return zone(region, z) })
	return &sdk.DescribeAvailabilityZonesOutput{AvailabilityZones: list.unpaged(shown)}, nil
}

// namedZones are the zones that the caller names by name or id, or all.
func namedZones(region state.Region, names, zoneIDs []string) ([]state.Zone, error) {
	if len(names) == 0 && len(zoneIDs) == 0 {
		return region.Zones, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(region.Zones, func(z state.Zone) bool { return z.Name == name }) {
			return nil, awserr.InvalidParameterValue("Invalid availability zone: [%.128s]", name)
		}
	}
	for _, id := range zoneIDs {
		if !slices.ContainsFunc(region.Zones, func(z state.Zone) bool { return z.ID == id }) {
			return nil, awserr.InvalidParameterValue("Invalid availability zone-id: [%.128s]", id)
		}
	}
	var out []state.Zone
	for _, z := range region.Zones {
		if slices.Contains(names, z.Name) || slices.Contains(zoneIDs, z.ID) {
			out = append(out, z)
		}
	}
	return out, nil
}

func zone(region state.Region, z state.Zone) types.AvailabilityZone {
	return types.AvailabilityZone{
		ZoneName: aws.String(z.Name), ZoneId: aws.String(z.ID), ZoneType: aws.String("availability-zone"), RegionName: aws.String(region.Name),
		State: types.AvailabilityZoneState(z.State), OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
		GroupName: aws.String(region.Name + "-zg-1"), GroupLongName: aws.String(region.Name + " 1"), NetworkBorderGroup: aws.String(region.Name),
		Messages: []types.AvailabilityZoneMessage{},
	}
}
