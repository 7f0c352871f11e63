// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/fsm/command"
)

// AttachGroupPolicy attaches a managed policy to a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachGroupPolicy.html
func (s *Service) AttachGroupPolicy(ctx context.Context, in *sdk.AttachGroupPolicyInput) (*sdk.AttachGroupPolicyOutput, error) {
	return &sdk.AttachGroupPolicyOutput{}, s.attach(ctx, command.KindGroup, in.GroupName, in.PolicyArn, false)
}

// DetachGroupPolicy detaches a managed policy from a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachGroupPolicy.html
func (s *Service) DetachGroupPolicy(ctx context.Context, in *sdk.DetachGroupPolicyInput) (*sdk.DetachGroupPolicyOutput, error) {
	return &sdk.DetachGroupPolicyOutput{}, s.attach(ctx, command.KindGroup, in.GroupName, in.PolicyArn, true)
}

// ListAttachedGroupPolicies lists the managed policies that are attached to a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedGroupPolicies.html
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, in *sdk.ListAttachedGroupPoliciesInput) (*sdk.ListAttachedGroupPoliciesOutput, error) {
	out, err := &sdk.ListAttachedGroupPoliciesOutput{}, error(nil)
	out.AttachedPolicies, out.Marker, err = s.attachedTo(ctx, command.KindGroup, in.GroupName, in.PathPrefix, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// PutGroupPolicy writes an inline policy of a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutGroupPolicy.html
func (s *Service) PutGroupPolicy(ctx context.Context, in *sdk.PutGroupPolicyInput) (*sdk.PutGroupPolicyOutput, error) {
	return &sdk.PutGroupPolicyOutput{}, s.putInline(ctx, command.KindGroup, in.GroupName, in.PolicyName, in.PolicyDocument, false)
}

// GetGroupPolicy shows an inline policy of a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroupPolicy.html
func (s *Service) GetGroupPolicy(ctx context.Context, in *sdk.GetGroupPolicyInput) (*sdk.GetGroupPolicyOutput, error) {
	out, err := &sdk.GetGroupPolicyOutput{}, error(nil)
	out.GroupName, out.PolicyName, out.PolicyDocument, err = s.inline(ctx, command.KindGroup, in.GroupName, in.PolicyName)
	return out, err
}

// DeleteGroupPolicy removes an inline policy of a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroupPolicy.html
func (s *Service) DeleteGroupPolicy(ctx context.Context, in *sdk.DeleteGroupPolicyInput) (*sdk.DeleteGroupPolicyOutput, error) {
	return &sdk.DeleteGroupPolicyOutput{}, s.putInline(ctx, command.KindGroup, in.GroupName, in.PolicyName, nil, true)
}

// ListGroupPolicies lists the names of the inline policies of a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupPolicies.html
func (s *Service) ListGroupPolicies(ctx context.Context, in *sdk.ListGroupPoliciesInput) (*sdk.ListGroupPoliciesOutput, error) {
	out, err := &sdk.ListGroupPoliciesOutput{}, error(nil)
	out.PolicyNames, out.Marker, err = s.inlineNames(ctx, command.KindGroup, in.GroupName, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}
