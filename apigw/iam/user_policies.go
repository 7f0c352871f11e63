// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/fsm/command"
)

// AttachUserPolicy attaches a managed policy to a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html
func (s *Service) AttachUserPolicy(ctx context.Context, in *sdk.AttachUserPolicyInput) (*sdk.AttachUserPolicyOutput, error) {
	return &sdk.AttachUserPolicyOutput{}, s.attach(ctx, command.KindUser, in.UserName, in.PolicyArn, false)
}

// DetachUserPolicy detaches a managed policy from a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html
func (s *Service) DetachUserPolicy(ctx context.Context, in *sdk.DetachUserPolicyInput) (*sdk.DetachUserPolicyOutput, error) {
	return &sdk.DetachUserPolicyOutput{}, s.attach(ctx, command.KindUser, in.UserName, in.PolicyArn, true)
}

// ListAttachedUserPolicies lists the managed policies that are attached to a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html
func (s *Service) ListAttachedUserPolicies(ctx context.Context, in *sdk.ListAttachedUserPoliciesInput) (*sdk.ListAttachedUserPoliciesOutput, error) {
	out, err := &sdk.ListAttachedUserPoliciesOutput{}, error(nil)
	out.AttachedPolicies, out.Marker, err = s.attachedTo(ctx, command.KindUser, in.UserName, in.PathPrefix, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// PutUserPolicy writes an inline policy of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
func (s *Service) PutUserPolicy(ctx context.Context, in *sdk.PutUserPolicyInput) (*sdk.PutUserPolicyOutput, error) {
	return &sdk.PutUserPolicyOutput{}, s.putInline(ctx, command.KindUser, in.UserName, in.PolicyName, in.PolicyDocument, false)
}

// GetUserPolicy shows an inline policy of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html
func (s *Service) GetUserPolicy(ctx context.Context, in *sdk.GetUserPolicyInput) (*sdk.GetUserPolicyOutput, error) {
	out, err := &sdk.GetUserPolicyOutput{}, error(nil)
	out.UserName, out.PolicyName, out.PolicyDocument, err = s.inline(ctx, command.KindUser, in.UserName, in.PolicyName)
	return out, err
}

// DeleteUserPolicy removes an inline policy of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html
func (s *Service) DeleteUserPolicy(ctx context.Context, in *sdk.DeleteUserPolicyInput) (*sdk.DeleteUserPolicyOutput, error) {
	return &sdk.DeleteUserPolicyOutput{}, s.putInline(ctx, command.KindUser, in.UserName, in.PolicyName, nil, true)
}

// ListUserPolicies lists the names of the inline policies of a user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html
func (s *Service) ListUserPolicies(ctx context.Context, in *sdk.ListUserPoliciesInput) (*sdk.ListUserPoliciesOutput, error) {
	out, err := &sdk.ListUserPoliciesOutput{}, error(nil)
	out.PolicyNames, out.Marker, err = s.inlineNames(ctx, command.KindUser, in.UserName, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// PutUserPermissionsBoundary bounds what a user may be allowed.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, in *sdk.PutUserPermissionsBoundaryInput) (*sdk.PutUserPermissionsBoundaryOutput, error) {
	if in.PermissionsBoundary == nil {
		return nil, null("permissionsBoundary")
	}
	return &sdk.PutUserPermissionsBoundaryOutput{}, s.bound(ctx, command.KindUser, in.UserName, in.PermissionsBoundary)
}

// DeleteUserPermissionsBoundary takes the boundary of a user away.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPermissionsBoundary.html
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, in *sdk.DeleteUserPermissionsBoundaryInput) (*sdk.DeleteUserPermissionsBoundaryOutput, error) {
	return &sdk.DeleteUserPermissionsBoundaryOutput{}, s.bound(ctx, command.KindUser, in.UserName, nil)
}
