// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/fsm/command"
)

// TagUser sets tags of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagUser.html
func (s *Service) TagUser(ctx context.Context, in *sdk.TagUserInput) (*sdk.TagUserOutput, error) {
	return &sdk.TagUserOutput{}, s.tag(ctx, command.KindUser, in.UserName, in.Tags)
}

// UntagUser removes tags of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagUser.html
func (s *Service) UntagUser(ctx context.Context, in *sdk.UntagUserInput) (*sdk.UntagUserOutput, error) {
	return &sdk.UntagUserOutput{}, s.untag(ctx, command.KindUser, in.UserName, in.TagKeys)
}

// ListUserTags lists the tags of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserTags.html
func (s *Service) ListUserTags(ctx context.Context, in *sdk.ListUserTagsInput) (*sdk.ListUserTagsOutput, error) {
	out, err := &sdk.ListUserTagsOutput{}, error(nil)
	out.Tags, out.Marker, err = s.labels(ctx, command.KindUser, in.UserName, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// TagRole sets tags of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html
func (s *Service) TagRole(ctx context.Context, in *sdk.TagRoleInput) (*sdk.TagRoleOutput, error) {
	return &sdk.TagRoleOutput{}, s.tag(ctx, command.KindRole, in.RoleName, in.Tags)
}

// UntagRole removes tags of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagRole.html
func (s *Service) UntagRole(ctx context.Context, in *sdk.UntagRoleInput) (*sdk.UntagRoleOutput, error) {
	return &sdk.UntagRoleOutput{}, s.untag(ctx, command.KindRole, in.RoleName, in.TagKeys)
}

// ListRoleTags lists the tags of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html
func (s *Service) ListRoleTags(ctx context.Context, in *sdk.ListRoleTagsInput) (*sdk.ListRoleTagsOutput, error) {
	out, err := &sdk.ListRoleTagsOutput{}, error(nil)
	out.Tags, out.Marker, err = s.labels(ctx, command.KindRole, in.RoleName, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// TagPolicy sets tags of a managed policy.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagPolicy.html
func (s *Service) TagPolicy(ctx context.Context, in *sdk.TagPolicyInput) (*sdk.TagPolicyOutput, error) {
	return &sdk.TagPolicyOutput{}, s.tag(ctx, command.KindPolicy, in.PolicyArn, in.Tags)
}

// UntagPolicy removes tags of a managed policy.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagPolicy.html
func (s *Service) UntagPolicy(ctx context.Context, in *sdk.UntagPolicyInput) (*sdk.UntagPolicyOutput, error) {
	return &sdk.UntagPolicyOutput{}, s.untag(ctx, command.KindPolicy, in.PolicyArn, in.TagKeys)
}

// ListPolicyTags lists the tags of a managed policy.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyTags.html
func (s *Service) ListPolicyTags(ctx context.Context, in *sdk.ListPolicyTagsInput) (*sdk.ListPolicyTagsOutput, error) {
	out, err := &sdk.ListPolicyTagsOutput{}, error(nil)
	out.Tags, out.Marker, err = s.labels(ctx, command.KindPolicy, in.PolicyArn, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// TagInstanceProfile sets tags of an instance profile.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagInstanceProfile.html
func (s *Service) TagInstanceProfile(ctx context.Context, in *sdk.TagInstanceProfileInput) (*sdk.TagInstanceProfileOutput, error) {
	return &sdk.TagInstanceProfileOutput{}, s.tag(ctx, command.KindProfile, in.InstanceProfileName, in.Tags)
}

// UntagInstanceProfile removes tags of an instance profile.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagInstanceProfile.html
func (s *Service) UntagInstanceProfile(ctx context.Context, in *sdk.UntagInstanceProfileInput) (*sdk.UntagInstanceProfileOutput, error) {
	return &sdk.UntagInstanceProfileOutput{}, s.untag(ctx, command.KindProfile, in.InstanceProfileName, in.TagKeys)
}

// ListInstanceProfileTags lists the tags of an instance profile.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfileTags.html
func (s *Service) ListInstanceProfileTags(ctx context.Context, in *sdk.ListInstanceProfileTagsInput) (*sdk.ListInstanceProfileTagsOutput, error) {
	out, err := &sdk.ListInstanceProfileTagsOutput{}, error(nil)
	out.Tags, out.Marker, err = s.labels(ctx, command.KindProfile, in.InstanceProfileName, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// TagOpenIDConnectProvider sets tags of an identity provider.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagOpenIDConnectProvider.html
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, in *sdk.TagOpenIDConnectProviderInput) (*sdk.TagOpenIDConnectProviderOutput, error) {
	return &sdk.TagOpenIDConnectProviderOutput{}, s.tag(ctx, command.KindProvider, in.OpenIDConnectProviderArn, in.Tags)
}

// UntagOpenIDConnectProvider removes tags of an identity provider.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagOpenIDConnectProvider.html
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, in *sdk.UntagOpenIDConnectProviderInput) (*sdk.UntagOpenIDConnectProviderOutput, error) {
	return &sdk.UntagOpenIDConnectProviderOutput{}, s.untag(ctx, command.KindProvider, in.OpenIDConnectProviderArn, in.TagKeys)
}

// ListOpenIDConnectProviderTags lists the tags of an identity provider.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOpenIDConnectProviderTags.html
func (s *Service) ListOpenIDConnectProviderTags(ctx context.Context, in *sdk.ListOpenIDConnectProviderTagsInput) (*sdk.ListOpenIDConnectProviderTagsOutput, error) {
	out, err := &sdk.ListOpenIDConnectProviderTagsOutput{}, error(nil)
	out.Tags, out.Marker, err = s.labels(ctx, command.KindProvider, in.OpenIDConnectProviderArn, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}
