// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/fsm/command"
)

// AttachRolePolicy attaches a managed policy to a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
func (s *Service) AttachRolePolicy(ctx context.Context, in *sdk.AttachRolePolicyInput) (*sdk.AttachRolePolicyOutput, error) {
	return &sdk.AttachRolePolicyOutput{}, s.attach(ctx, command.KindRole, in.RoleName, in.PolicyArn, false)
}

// DetachRolePolicy detaches a managed policy from a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html
func (s *Service) DetachRolePolicy(ctx context.Context, in *sdk.DetachRolePolicyInput) (*sdk.DetachRolePolicyOutput, error) {
	return &sdk.DetachRolePolicyOutput{}, s.attach(ctx, command.KindRole, in.RoleName, in.PolicyArn, true)
}

// ListAttachedRolePolicies lists the managed policies that are attached to a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html
func (s *Service) ListAttachedRolePolicies(ctx context.Context, in *sdk.ListAttachedRolePoliciesInput) (*sdk.ListAttachedRolePoliciesOutput, error) {
	out, err := &sdk.ListAttachedRolePoliciesOutput{}, error(nil)
	out.AttachedPolicies, out.Marker, err = s.attachedTo(ctx, command.KindRole, in.RoleName, in.PathPrefix, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// PutRolePolicy writes an inline policy of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
func (s *Service) PutRolePolicy(ctx context.Context, in *sdk.PutRolePolicyInput) (*sdk.PutRolePolicyOutput, error) {
	return &sdk.PutRolePolicyOutput{}, s.putInline(ctx, command.KindRole, in.RoleName, in.PolicyName, in.PolicyDocument, false)
}

// GetRolePolicy shows an inline policy of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
func (s *Service) GetRolePolicy(ctx context.Context, in *sdk.GetRolePolicyInput) (*sdk.GetRolePolicyOutput, error) {
	out, err := &sdk.GetRolePolicyOutput{}, error(nil)
	out.RoleName, out.PolicyName, out.PolicyDocument, err = s.inline(ctx, command.KindRole, in.RoleName, in.PolicyName)
	return out, err
}

// DeleteRolePolicy removes an inline policy of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html
func (s *Service) DeleteRolePolicy(ctx context.Context, in *sdk.DeleteRolePolicyInput) (*sdk.DeleteRolePolicyOutput, error) {
	return &sdk.DeleteRolePolicyOutput{}, s.putInline(ctx, command.KindRole, in.RoleName, in.PolicyName, nil, true)
}

// ListRolePolicies lists the names of the inline policies of a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html
func (s *Service) ListRolePolicies(ctx context.Context, in *sdk.ListRolePoliciesInput) (*sdk.ListRolePoliciesOutput, error) {
	out, err := &sdk.ListRolePoliciesOutput{}, error(nil)
	out.PolicyNames, out.Marker, err = s.inlineNames(ctx, command.KindRole, in.RoleName, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// PutRolePermissionsBoundary bounds what a role may be allowed.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, in *sdk.PutRolePermissionsBoundaryInput) (*sdk.PutRolePermissionsBoundaryOutput, error) {
	if in.PermissionsBoundary == nil {
		return nil, null("permissionsBoundary")
	}
	return &sdk.PutRolePermissionsBoundaryOutput{}, s.bound(ctx, command.KindRole, in.RoleName, in.PermissionsBoundary)
}

// DeleteRolePermissionsBoundary takes the boundary of a role away.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePermissionsBoundary.html
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, in *sdk.DeleteRolePermissionsBoundaryInput) (*sdk.DeleteRolePermissionsBoundaryOutput, error) {
	return &sdk.DeleteRolePermissionsBoundaryOutput{}, s.bound(ctx, command.KindRole, in.RoleName, nil)
}
