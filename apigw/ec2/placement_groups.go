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
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	maxPlacementGroupName = 255 // EC2's limit, in ASCII characters
	defaultPartitions     = 2   // of a partition group that does not say
)

// placementGroupMembers declares the members of the actions on placement groups.
var placementGroupMembers = apigw.Members{
	"CreatePlacementGroup":    {"GroupName", "Strategy", "PartitionCount", "SpreadLevel", "TagSpecifications.*"},
	"DeletePlacementGroup":    {"GroupName"},
	"DescribePlacementGroups": {"GroupNames", "GroupIds", "Filters.*"},
	"ModifyInstancePlacement": {"InstanceId", "GroupName", "GroupId", "PartitionNumber", "Tenancy=default", "Affinity=default"},
}

// CreatePlacementGroup makes a placement group.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreatePlacementGroup.html
func (s *Service) CreatePlacementGroup(ctx context.Context, in *sdk.CreatePlacementGroupInput) (*sdk.CreatePlacementGroupOutput, error) {
	call := apigw.CallFrom(ctx)
	row, err := newPlacementGroup(in)
	if err != nil {
		return nil, err
	}
	tags, err := tagsByType(in.TagSpecifications, types.ResourceTypePlacementGroup)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if _, used := placementGroupNamed(v, call.Account, row.Name); used {
		return nil, awserr.New("InvalidPlacementGroup.Duplicate", "The placement group '%s' already exists.", row.Name)
	}
	row.ID, row.AccountID = ids.PlacementGroup.New(), call.Account
	if err := call.Authorize(tagging(placementGroupResource(call, v, &row), tags[types.ResourceTypePlacementGroup])); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.CreatePlacementGroup{Group: row, Tags: tags[types.ResourceTypePlacementGroup]}, nil); err != nil {
		return nil, fmt.Errorf("create placement group %s: %w", row.Name, err)
	}
	if v, err = s.region.View(ctx); err != nil {
		return nil, err
	}
	row.State = state.PlacementGroupAvailable
	shown := newRows(v, call.Account).placementGroup(&row)
	return &sdk.CreatePlacementGroupOutput{PlacementGroup: &shown}, nil
}

// newPlacementGroup checks the form of a new group and fills its defaults in.
func newPlacementGroup(in *sdk.CreatePlacementGroupInput) (state.PlacementGroup, error) {
	g := state.PlacementGroup{Name: valueOf(in.GroupName), Strategy: string(in.Strategy), SpreadLevel: string(in.SpreadLevel), Partitions: int(valueOf(in.PartitionCount))}
	if err := checkPlacementGroupName(g.Name); err != nil {
		return g, err
	}
	if g.Strategy == "" {
		return g, awserr.MissingParameter("strategy")
	}
	if err := firstError(checkEnum("strategy", in.Strategy), checkEnum("spreadLevel", in.SpreadLevel)); err != nil {
		return g, err
	}
	switch {
	case in.PartitionCount != nil && g.Strategy != state.PartitionStrategy:
		return g, awserr.InvalidParameterCombination("The parameter PartitionCount may only be used with the placement strategy 'partition'.")
	case in.PartitionCount != nil && (g.Partitions < 1 || g.Partitions > state.MaxPartitions):
		return g, awserr.InvalidParameterValue("Value (%d) for parameter partitionCount is invalid. A placement group may have 1 to %d partitions.", g.Partitions, state.MaxPartitions)
	case g.SpreadLevel != "" && g.Strategy != state.SpreadStrategy:
		return g, awserr.InvalidParameterCombination("The parameter SpreadLevel may only be used with the placement strategy 'spread'.")
	case g.SpreadLevel == "" && g.Strategy == state.SpreadStrategy:
		g.SpreadLevel = state.SpreadRack
	case in.PartitionCount == nil && g.Strategy == state.PartitionStrategy:
		g.Partitions = defaultPartitions
	}
	return g, nil
}

func checkPlacementGroupName(name string) error {
	if name == "" {
		return awserr.MissingParameter("groupName")
	}
	if len(name) > maxPlacementGroupName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return awserr.InvalidParameterValue("Value for parameter groupName is invalid. A name may have up to %d ASCII characters.", maxPlacementGroupName)
	}
	return nil
}

// DeletePlacementGroup deletes a placement group without instances.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeletePlacementGroup.html
func (s *Service) DeletePlacementGroup(ctx context.Context, in *sdk.DeletePlacementGroupInput) (*sdk.DeletePlacementGroupOutput, error) {
	call := apigw.CallFrom(ctx)
	name := valueOf(in.GroupName)
	if name == "" {
		return nil, awserr.MissingParameter("groupName")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	g, ok := placementGroupNamed(v, call.Account, name)
	if !ok {
		return nil, unknownPlacementGroup(name)
	}
	if err := call.Authorize(placementGroupResource(call, v, g)); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.DeletePlacementGroup{AccountID: call.Account, Name: name}, nil); err != nil {
		return nil, fmt.Errorf("delete placement group %s: %w", name, err)
	}
	return &sdk.DeletePlacementGroupOutput{}, nil
}

// describedPlacementGroups are DescribePlacementGroups' filters.
var describedPlacementGroups = described[types.PlacementGroup]{
	id:   func(g types.PlacementGroup) string { return valueOf(g.GroupName) },
	tags: func(g types.PlacementGroup) []types.Tag { return g.Tags },
	filters: map[string]func(types.PlacementGroup) []string{
		"group-name":   func(g types.PlacementGroup) []string { return some(valueOf(g.GroupName)) },
		"group-arn":    func(g types.PlacementGroup) []string { return some(valueOf(g.GroupArn)) },
		"spread-level": func(g types.PlacementGroup) []string { return some(string(g.SpreadLevel)) },
		"state":        func(g types.PlacementGroup) []string { return some(string(g.State)) },
		"strategy":     func(g types.PlacementGroup) []string { return some(string(g.Strategy)) },
	},
}

// DescribePlacementGroups lists placement groups.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePlacementGroups.html
func (s *Service) DescribePlacementGroups(ctx context.Context, in *sdk.DescribePlacementGroupsInput) (*sdk.DescribePlacementGroupsOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedPlacementGroups, in.Filters, pageOf(nil, nil, ""))
	if err != nil {
		return nil, err
	}
	if err := ids.PlacementGroup.Check(in.GroupIds...); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	found, err := namedPlacementGroups(v, call.Account, in)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	return &sdk.DescribePlacementGroupsOutput{PlacementGroups: list.unpaged(translate(found, newRows(v, call.Account).placementGroup))}, nil
}

// namedPlacementGroups are the groups that the caller names by name or id, or all of the account.
func namedPlacementGroups(v *state.View, account string, in *sdk.DescribePlacementGroupsInput) ([]*state.PlacementGroup, error) {
	if len(in.GroupNames) == 0 && len(in.GroupIds) == 0 {
		return slices.Collect(state.PlacementGroups.Of(v, account)), nil
	}
	var found []*state.PlacementGroup
	add := func(g *state.PlacementGroup, ok bool, named string) error {
		if !ok {
			return unknownPlacementGroup(named)
		}
		if !slices.Contains(found, g) {
			found = append(found, g)
		}
		return nil
	}
	for _, name := range in.GroupNames {
		g, ok := placementGroupNamed(v, account, name)
		if err := add(g, ok, name); err != nil {
			return nil, err
		}
	}
	for _, id := range in.GroupIds {
		g, ok := state.PlacementGroups.Get(v, account, id)
		if err := add(g, ok, id); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func placementGroupNamed(v *state.View, account, name string) (*state.PlacementGroup, bool) {
	return state.PlacementGroups.First(v, state.ByName, state.PlacementGroupName(account, name))
}

func unknownPlacementGroup(named string) error {
	return awserr.New("InvalidPlacementGroup.Unknown", "The Placement Group '%.255s' is unknown.", named)
}

// placementGroupResource names a group for Authorize: policies name placement groups by name.
func placementGroupResource(c *apigw.Call, v *state.View, g *state.PlacementGroup) apigw.Resource {
	r := resource(c, v, types.ResourceTypePlacementGroup, g.ID)
	r.ARN = c.ARN("placement-group/" + g.Name)
	r.Conditions = map[string]string{"ec2:PlacementGroupName": g.Name, "ec2:PlacementGroupStrategy": g.Strategy}
	return r
}

// placementGroup is a group as the API shows it.
func (r rows) placementGroup(g *state.PlacementGroup) types.PlacementGroup {
	return types.PlacementGroup{
		GroupId: aws.String(g.ID), GroupName: aws.String(g.Name), GroupArn: aws.String(apigw.ARN("ec2", r.region.Name, g.AccountID, "placement-group/"+g.Name)),
		State: types.PlacementGroupState(g.State), Strategy: types.PlacementStrategy(g.Strategy), SpreadLevel: types.SpreadLevel(g.SpreadLevel),
		PartitionCount: positive(int64(g.Partitions)), Tags: append([]types.Tag{}, r.tags(g.ID)...), Operator: unmanaged(),
	}
}
