// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// checkTags reads tags of a request, sorted by key.
func checkTags(in []types.Tag) ([]state.Tag, error) {
	var out []state.Tag
	for _, t := range in {
		key, value := aws.ToString(t.TagKey), aws.ToString(t.TagValue)
		if key == "" || len(key) > 128 || len(value) > 256 || t.TagValue == nil || strings.HasPrefix(strings.ToLower(key), "aws:") ||
			slices.ContainsFunc(out, func(o state.Tag) bool { return o.Key == key }) {
			return nil, awserr.New("TagException", "The tag %.128s is not valid: a key has 1 to 128 characters, does not begin with aws: and is there once; a value has at most 256.", key)
		}
		out = append(out, state.Tag{Key: key, Value: value})
	}
	if len(out) > state.MaxTags {
		return nil, awserr.New("TagException", "A key has at most %d tags.", state.MaxTags)
	}
	return state.MergeTags(nil, out), nil
}

// TagResource sets tags of a key.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	tags, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	requested := map[string]string{}
	for _, t := range tags {
		requested[t.Key] = t.Value
	}
	k, err := s.tagged(ctx, in.KeyId, func(r *apigw.Resource) { r.RequestTags = requested })
	if err != nil {
		return nil, err
	}
	return &sdk.TagResourceOutput{}, s.region.Propose(ctx, command.ModifyKMSKey{AccountID: k.AccountID, KeyID: k.ID, Tags: tags}, nil)
}

// UntagResource takes tags of a key away.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	k, err := s.tagged(ctx, in.KeyId, func(r *apigw.Resource) { r.RemovedTags = in.TagKeys })
	if err != nil {
		return nil, err
	}
	return &sdk.UntagResourceOutput{}, s.region.Propose(ctx, command.ModifyKMSKey{AccountID: k.AccountID, KeyID: k.ID, Untag: in.TagKeys}, nil)
}

// tagged is the key whose tags change.
func (s *Service) tagged(ctx context.Context, id *string, with func(*apigw.Resource)) (*state.KMSKey, error) {
	call := apigw.CallFrom(ctx)
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	k, err := s.find(ctx, call, v, "", id)
	if err != nil {
		return nil, err
	}
	if err := s.own(call, k, true); err != nil {
		return nil, err
	}
	return k.KMSKey, s.authorize(call, k, with)
}

// ListResourceTags lists the tags of a key.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html
func (s *Service) ListResourceTags(ctx context.Context, in *sdk.ListResourceTagsInput) (*sdk.ListResourceTagsOutput, error) {
	size, err := pageSize(in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	call, _, k, err := s.asked(ctx, in.KeyId, true, false)
	if err != nil {
		return nil, err
	}
	tags, next, err := cut(call, k.Tags, func(t state.Tag) string { return t.Key }, in.Marker, size)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListResourceTagsOutput{Tags: []types.Tag{}, NextMarker: next, Truncated: next != nil}
	for _, t := range tags {
		out.Tags = append(out.Tags, types.Tag{TagKey: aws.String(t.Key), TagValue: aws.String(t.Value)})
	}
	return out, nil
}
