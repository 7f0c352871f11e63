// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/state"
)

// typeMembers declares the members of the actions on instance types.
var typeMembers = apigw.Members{
	"DescribeInstanceTypes":         {"InstanceTypes", "Filters.*", "MaxResults", "NextToken", "IncludeUnsupportedInRegion"},
	"DescribeInstanceTypeOfferings": {"LocationType", "Filters.*", "MaxResults", "NextToken"},
}

// capacityFilter is Hive's own: with the value true the answer has a type once for every instance of it that the
// region has room for now, so that unmodified clients can count. A type without room is left out.
const capacityFilter = "capacity"

var describedTypes = described[typeRow]{id: typeRow.order, filters: ofTypes(typeFilters), limits: page.Range{Min: 5, Max: 100}}

// typeRow is one entry of DescribeInstanceTypes' answer.
type typeRow struct {
	info types.InstanceTypeInfo
	slot int // counts the entries of a type under the capacity filter
}

func (r typeRow) order() string { return fmt.Sprintf("%s/%09d", r.info.InstanceType, r.slot) }

// ofTypes makes filters on instance types into filters on entries of the answer.
func ofTypes(filters typeValues) map[string]func(typeRow) []string {
	out := map[string]func(typeRow) []string{}
	for name, read := range filters {
		out[name] = func(r typeRow) []string { return read(r.info) }
	}
	return out
}

// DescribeInstanceTypes describes the instance types that the region's nodes offer.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
func (s *Service) DescribeInstanceTypes(ctx context.Context, in *sdk.DescribeInstanceTypesInput) (*sdk.DescribeInstanceTypesOutput, error) {
	call := apigw.CallFrom(ctx)
	filters, capacity, err := splitCapacity(in.Filters)
	if err != nil {
		return nil, err
	}
	list, err := newListing(describedTypes, filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	found, err := selectTypes(v, in.InstanceTypes, valueOf(in.IncludeUnsupportedInRegion))
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var rows []typeRow
	for _, t := range found {
		info := typeInfo(t)
		if valueOf(in.IncludeUnsupportedInRegion) {
			info.SupportedInRegion = aws.Bool(len(offeringZones(v, t.Name)) > 0)
		}
		rows = append(rows, s.typeRows(v, t, info, capacity)...)
	}
	shown, next, err := list.cut(call, rows)
	if err != nil {
		return nil, err
	}
	infos := translate(shown, func(r typeRow) types.InstanceTypeInfo { return r.info })
	return &sdk.DescribeInstanceTypesOutput{InstanceTypes: infos, NextToken: next}, nil
}

// typeRows is a type once, or once for every free slot.
func (s *Service) typeRows(v *state.View, t instancetypes.Type, info types.InstanceTypeInfo, capacity bool) []typeRow {
	n := 1
	if capacity {
		n = 0
		for node := range state.Nodes.All(v) {
			n += s.slots(v, node, t)
		}
	}
	rows := make([]typeRow, n)
	for i := range rows {
		rows[i] = typeRow{info: info, slot: i}
	}
	return rows
}

// splitCapacity takes the capacity filter out of AWS's.
func splitCapacity(all []types.Filter) ([]types.Filter, bool, error) {
	at := slices.IndexFunc(all, func(f types.Filter) bool { return valueOf(f.Name) == capacityFilter })
	if at < 0 {
		return all, false, nil
	}
	values := all[at].Values
	if len(values) != 1 || values[0] != "true" && values[0] != "false" {
		return nil, false, awserr.InvalidParameterValue("The filter '%s' takes one value, true or false", capacityFilter)
	}
	return slices.Delete(slices.Clone(all), at, at+1), values[0] == "true", nil
}

// selectTypes are the offered types, those named or all. A name that the region does not offer is an error
// unless the caller wants unsupported types too.
func selectTypes(v *state.View, named []types.InstanceType, unsupported bool) ([]instancetypes.Type, error) {
	candidates := offeredTypes(v)
	if unsupported {
		candidates = instancetypes.All()
	}
	if len(named) == 0 {
		return candidates, nil
	}
	if len(named) > 100 {
		return nil, awserr.InvalidParameterValue("The number of instance types (%d) exceeds the maximum of 100", len(named))
	}
	var missing []string
	for _, name := range named {
		if !slices.ContainsFunc(candidates, func(t instancetypes.Type) bool { return t.Name == string(name) }) {
			missing = append(missing, string(name))
		}
	}
	if len(missing) > 0 {
		return nil, awserr.New("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(missing, ", "))
	}
	return slices.DeleteFunc(candidates, func(t instancetypes.Type) bool { return !slices.Contains(named, types.InstanceType(t.Name)) }), nil
}

// DescribeInstanceTypeOfferings lists where the region offers which type.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
func (s *Service) DescribeInstanceTypeOfferings(ctx context.Context, in *sdk.DescribeInstanceTypeOfferingsInput) (*sdk.DescribeInstanceTypeOfferingsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := checkEnum("LocationType", in.LocationType); err != nil {
		return nil, err
	}
	list, err := newListing(describedOfferings, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	kind := in.LocationType
	if kind == "" {
		kind = types.LocationTypeRegion
	}
	shown, next, err := list.cut(call, offerings(v, kind))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeInstanceTypeOfferingsOutput{InstanceTypeOfferings: shown, NextToken: next}, nil
}

// offerings pairs each offered type with its locations of one kind. There are no Outposts.
func offerings(v *state.View, kind types.LocationType) []types.InstanceTypeOffering {
	var out []types.InstanceTypeOffering
	rows := newInstanceRows(v, state.AnyAccount)
	for _, t := range offeredTypes(v) {
		for _, location := range rows.locations(t.Name, kind) {
			out = append(out, types.InstanceTypeOffering{InstanceType: types.InstanceType(t.Name), LocationType: kind, Location: aws.String(location)})
		}
	}
	return out
}

// locations are where a type is offered.
func (r instanceRows) locations(typeName string, kind types.LocationType) []string {
	zones := offeringZones(r.view, typeName)
	switch kind {
	case types.LocationTypeRegion:
		return some(r.region.Name)
	case types.LocationTypeAvailabilityZone:
		return zones
	case types.LocationTypeAvailabilityZoneId:
		return each(zones, r.zoneID)
	}
	return nil
}

var describedOfferings = described[types.InstanceTypeOffering]{
	id: func(o types.InstanceTypeOffering) string { return string(o.InstanceType) + "/" + *o.Location }, limits: page.EC2,
	filters: map[string]func(types.InstanceTypeOffering) []string{
		"instance-type": func(o types.InstanceTypeOffering) []string { return some(string(o.InstanceType)) },
		"location":      func(o types.InstanceTypeOffering) []string { return some(valueOf(o.Location)) },
	},
}
