// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// launchGroup is the placement group that a launch names, or nil, and its partition, or 0.
func launchGroup(v *state.View, account string, p *types.Placement, t instancetypes.Type) (*state.PlacementGroup, int, error) {
	if p == nil {
		return nil, 0, nil
	}
	g, err := askedGroup(v, account, p.GroupName, p.GroupId)
	if err != nil {
		return nil, 0, err
	}
	if g == nil {
		if p.PartitionNumber != nil {
			return nil, 0, awserr.InvalidParameterCombination("The parameter PartitionNumber needs a placement group.")
		}
		return nil, 0, nil
	}
	return g, int(valueOf(p.PartitionNumber)), firstError(checkPartition(g, p.PartitionNumber), suitsGroup(t, g))
}

// askedGroup finds a group by name or id; nil when neither was given.
func askedGroup(v *state.View, account string, name, id *string) (*state.PlacementGroup, error) {
	byName, byID := valueOf(name), valueOf(id)
	switch {
	case byName != "" && byID != "":
		return nil, awserr.InvalidParameterCombination("The parameters GroupName and GroupId cannot be used together.")
	case byID != "":
		if err := ids.PlacementGroup.Check(byID); err != nil {
			return nil, err
		}
		if g, ok := state.PlacementGroups.Get(v, account, byID); ok {
			return g, nil
		}
	case byName != "":
		if g, ok := placementGroupNamed(v, account, byName); ok {
			return g, nil
		}
	default:
		return nil, nil
	}
	return nil, unknownPlacementGroup(byName + byID)
}

// checkPartition refuses a partition that the group does not have. None given is none to check.
func checkPartition(g *state.PlacementGroup, n *int32) error {
	switch {
	case n == nil:
		return nil
	case g.Strategy != state.PartitionStrategy:
		return awserr.InvalidParameterCombination("The parameter PartitionNumber may only be used with a placement group of the strategy 'partition'; '%s' has the strategy '%s'.", g.Name, g.Strategy)
	case *n < 1 || int(*n) > g.Partitions:
		return awserr.InvalidParameterValue("Value (%d) for parameter partitionNumber is invalid. The placement group '%s' has the partitions 1 to %d.", *n, g.Name, g.Partitions)
	}
	return nil
}

// suitsGroup refuses a type that AWS does not put into groups of the strategy: burstable ones into clusters.
func suitsGroup(t instancetypes.Type, g *state.PlacementGroup) error {
	if slices.Contains(t.PlacementStrategies, g.Strategy) {
		return nil
	}
	return awserr.InvalidParameterCombination("%s placement groups are not supported by the '%s' instance type. Specify a supported instance type or change the placement group strategy, and try again.",
		map[string]string{state.ClusterStrategy: "Cluster", state.SpreadStrategy: "Spread", state.PartitionStrategy: "Partition"}[g.Strategy], t.Name)
}

// ModifyInstancePlacement moves a stopped instance to or from a placement group, or to another partition. There are no
// dedicated hosts: tenancy and affinity have one value, and the members that name hosts are refused by name.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstancePlacement.html
func (s *Service) ModifyInstancePlacement(ctx context.Context, in *sdk.ModifyInstancePlacementInput) (*sdk.ModifyInstancePlacementOutput, error) {
	call := apigw.CallFrom(ctx)
	if valueOf(in.InstanceId) == "" {
		return nil, awserr.MissingParameter("instanceId")
	}
	if in.GroupName == nil && valueOf(in.GroupId) == "" && in.PartitionNumber == nil && in.Tenancy == "" && in.Affinity == "" {
		return nil, awserr.InvalidParameterCombination("At least one attribute for affinity, host ID, tenancy, or placement group name must be specified in the request.")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	list, err := selectInstances(v, call.Account, some(*in.InstanceId))
	if err != nil {
		return nil, err
	}
	i := list[0]
	c, g, err := newPlacement(v, i, in)
	if err != nil {
		return nil, err
	}
	touched := []apigw.Resource{resource(call, v, types.ResourceTypeInstance, i.ID)}
	if g != nil {
		touched = append(touched, placementGroupResource(call, v, g))
	}
	if err := call.Authorize(touched...); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, c, nil); err != nil {
		return nil, fmt.Errorf("modify placement of instance %s: %w", i.ID, err)
	}
	return &sdk.ModifyInstancePlacementOutput{Return: aws.Bool(true)}, nil
}

// newPlacement is the change that a call asks for, and the group that the instance will be in, or nil.
func newPlacement(v *state.View, i *state.Instance, in *sdk.ModifyInstancePlacementInput) (command.ModifyInstancePlacement, *state.PlacementGroup, error) {
	c := command.ModifyInstancePlacement{AccountID: i.AccountID, InstanceID: i.ID}
	if i.State != state.Stopped && (in.GroupName != nil || in.GroupId != nil || in.PartitionNumber != nil || in.Tenancy != "") {
		return c, nil, awserr.IncorrectInstanceState("The instance '%s' is not in the 'stopped' state.", i.ID)
	}
	g, err := askedGroup(v, i.AccountID, in.GroupName, in.GroupId)
	if err != nil {
		return c, nil, err
	}
	switch {
	case g != nil:
		c.GroupID = aws.String(g.ID)
	case in.GroupName != nil: // "To remove an instance from a placement group, specify an empty string"
		c.GroupID = aws.String("")
	default:
		g, _ = state.PlacementGroups.Get(v, i.AccountID, i.PlacementGroupID)
	}
	if in.PartitionNumber != nil {
		if g == nil {
			return c, nil, awserr.InvalidParameterCombination("The parameter PartitionNumber needs a placement group.")
		}
		c.Partition = aws.Int(int(*in.PartitionNumber))
	}
	if g == nil {
		return c, nil, nil
	}
	t, _ := instancetypes.Lookup(i.Type)
	return c, g, firstError(checkPartition(g, in.PartitionNumber), suitsGroup(t, g))
}
