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
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/apigw/tags"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Limits of CreateTags and DeleteTags.
const (
	maxTaggedResources = 1000
	maxDeletedTags     = 1000
)

var tagMembers = apigw.Members{
	"CreateTags":   {"Resources", "Tags.*"},
	"DeleteTags":   {"Resources", "Tags.*"},
	"DescribeTags": {"Filters.*", "MaxResults", "NextToken"},
}

// taggable is a kind of resource that can carry tags.
type taggable struct {
	family ids.Family
	kind   types.ResourceType
	exists func(v *state.View, account, id string) bool
}

// taggables are the kinds of resources that exist.
var taggables = []taggable{
	{ids.Instance, types.ResourceTypeInstance, has(state.Instances)},
	{ids.Volume, types.ResourceTypeVolume, has(state.Volumes)},
	{ids.Snapshot, types.ResourceTypeSnapshot, has(state.Snapshots)},
	{ids.Image, types.ResourceTypeImage, func(v *state.View, account, id string) bool { _, ok := visibleImage(v, account, id); return ok }},
	{ids.KeyPair, types.ResourceTypeKeyPair, has(state.KeyPairs)},
	{ids.VPC, types.ResourceTypeVpc, has(state.VPCs)},
	{ids.Subnet, types.ResourceTypeSubnet, has(state.Subnets)},
	{ids.SecurityGroup, types.ResourceTypeSecurityGroup, has(state.SecurityGroups)},
	{ids.PlacementGroup, types.ResourceTypePlacementGroup, has(state.PlacementGroups)},
	{ids.NetworkInterface, types.ResourceTypeNetworkInterface, has(state.NetworkInterfaces)},
}

func has[R any](t *state.Table[R]) func(*state.View, string, string) bool {
	return func(v *state.View, account, id string) bool {
		_, ok := t.Get(v, account, id)
		return ok
	}
}

// taggableOf finds the kind of an id by its prefix and refuses one that is malformed or of no kind.
func taggableOf(id string) (taggable, error) {
	for _, t := range taggables {
		if strings.HasPrefix(id, t.family.Prefix) {
			return t, t.family.Check(id)
		}
	}
	return taggable{}, awserr.New("InvalidID", "The ID '%.128s' is not valid", id)
}

// CreateTags sets tags on resources, all or none.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
func (s *Service) CreateTags(ctx context.Context, in *sdk.CreateTagsInput) (*sdk.CreateTagsOutput, error) {
	call := apigw.CallFrom(ctx)
	if len(in.Tags) == 0 {
		return nil, awserr.MissingParameter("Tag")
	}
	var list []tags.Tag
	var rows []state.Tag
	for _, t := range in.Tags {
		list = append(list, tags.Tag{Key: valueOf(t.Key), Value: valueOf(t.Value)})
		rows = append(rows, state.Tag{Key: valueOf(t.Key), Value: valueOf(t.Value)})
	}
	if err := tags.Check(list); err != nil {
		return nil, err
	}
	if err := s.touchTagged(ctx, call, in.Resources, func(r apigw.Resource) apigw.Resource { return tagging(r, rows) }); err != nil {
		return nil, err
	}
	set := command.CreateTags{AccountID: call.Account, Resources: in.Resources, Tags: state.MergeTags(nil, rows)}
	if err := s.region.Propose(ctx, set, nil); err != nil {
		return nil, fmt.Errorf("create tags: %w", err)
	}
	return &sdk.CreateTagsOutput{}, nil
}

// DeleteTags removes tags from resources; tags that are not there are no error. A key without a value matches any value,
// one with an empty value the empty one. Without tags, all that the user set are removed.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
func (s *Service) DeleteTags(ctx context.Context, in *sdk.DeleteTagsInput) (*sdk.DeleteTagsOutput, error) {
	call := apigw.CallFrom(ctx)
	if len(in.Tags) > maxDeletedTags {
		return nil, awserr.InvalidParameterValue("Up to %d tags may be deleted in one request.", maxDeletedTags)
	}
	var matches []command.TagMatch
	for _, t := range in.Tags {
		if err := tags.CheckKey(valueOf(t.Key)); err != nil {
			return nil, err
		}
		matches = append(matches, command.TagMatch{Key: *t.Key, AnyValue: t.Value == nil, Value: valueOf(t.Value)})
	}
	untag := func(r apigw.Resource) apigw.Resource {
		for _, m := range matches {
			r.RemovedTags = append(r.RemovedTags, m.Key)
		}
		return r
	}
	if err := s.touchTagged(ctx, call, in.Resources, untag); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.DeleteTags{AccountID: call.Account, Resources: in.Resources, Tags: matches}, nil); err != nil {
		return nil, fmt.Errorf("delete tags: %w", err)
	}
	return &sdk.DeleteTagsOutput{}, nil
}

// touchTagged checks that the resources are there and authorizes the call for them.
func (s *Service) touchTagged(ctx context.Context, call *apigw.Call, wanted []string, change func(apigw.Resource) apigw.Resource) error {
	if len(wanted) == 0 {
		return awserr.MissingParameter("ResourceId")
	}
	if len(wanted) > maxTaggedResources {
		return awserr.InvalidParameterValue("Up to %d resources may be given in one request.", maxTaggedResources)
	}
	kinds := make([]taggable, len(wanted))
	for i, id := range wanted {
		var err error
		if kinds[i], err = taggableOf(id); err != nil {
			return err
		}
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return err
	}
	var touched []apigw.Resource
	for i, id := range wanted {
		if !kinds[i].exists(v, call.Account, id) {
			return notFound(kinds[i].family, id)
		}
		touched = append(touched, change(taggedResource(call, v, kinds[i].kind, id)))
	}
	return call.Authorize(touched...)
}

// taggedResource names what tags are on, with the names that policies have for images, key pairs and placement groups.
func taggedResource(c *apigw.Call, v *state.View, kind types.ResourceType, id string) apigw.Resource {
	if i, ok := state.Images.Get(v, state.AnyAccount, id); ok {
		return imageResource(c, v, i)
	}
	if k, ok := state.KeyPairs.Get(v, c.Account, id); ok {
		return keyPairResource(c, v, k)
	}
	if g, ok := state.PlacementGroups.Get(v, c.Account, id); ok {
		return placementGroupResource(c, v, g)
	}
	return resource(c, v, kind, id)
}

// describedTags are DescribeTags' filters.
var describedTags = described[types.TagDescription]{
	id:     func(t types.TagDescription) string { return valueOf(t.ResourceId) + "/" + valueOf(t.Key) },
	tags:   func(t types.TagDescription) []types.Tag { return []types.Tag{{Key: t.Key, Value: t.Value}} },
	limits: page.EC2,
	filters: map[string]func(types.TagDescription) []string{
		"key":           func(t types.TagDescription) []string { return some(valueOf(t.Key)) },
		"value":         func(t types.TagDescription) []string { return []string{valueOf(t.Value)} },
		"resource-id":   func(t types.TagDescription) []string { return some(valueOf(t.ResourceId)) },
		"resource-type": func(t types.TagDescription) []string { return some(string(t.ResourceType)) },
	},
}

// DescribeTags lists the account's tags.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html
func (s *Service) DescribeTags(ctx context.Context, in *sdk.DescribeTagsInput) (*sdk.DescribeTagsOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedTags, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
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
	var shown []types.TagDescription
	for _, set := range slices.Collect(state.TagSets.Of(v, call.Account)) {
		for _, t := range set.Tags {
			shown = append(shown, types.TagDescription{ResourceId: aws.String(set.ResourceID), ResourceType: types.ResourceType(set.ResourceType),
				Key: aws.String(t.Key), Value: aws.String(t.Value)})
		}
	}
	out, next, err := list.cut(call, shown)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeTagsOutput{Tags: out, NextToken: next}, nil
}
