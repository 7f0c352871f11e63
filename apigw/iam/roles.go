// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Bounds of a role's MaxSessionDuration, in seconds.
const (
	shortestSession = 3600
	longestSession  = 43200
)

// CreateRole makes a role that whom its trust policy names may assume.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
func (s *Service) CreateRole(ctx context.Context, in *sdk.CreateRoleInput) (*sdk.CreateRoleOutput, error) {
	call := apigw.CallFrom(ctx)
	r, err := newRole(call, in)
	if err != nil {
		return nil, err
	}
	resource := roleResource(r)
	resource.RequestTags = r.Tags
	if err := call.Authorize(resource); err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.CreateRole{Role: *r}, nil); err != nil {
		return nil, err
	}
	return &sdk.CreateRoleOutput{Role: showRole(r)}, nil
}

// newRole checks a request for a role.
func newRole(call *apigw.Call, in *sdk.CreateRoleInput) (*state.Role, error) {
	r := &state.Role{AccountID: call.Account, ID: newID("AROA"), Description: aws.ToString(in.Description), MaxSession: shortestSession, Created: state.At(call.Time)}
	var err error
	if r.Name, err = checkName("roleName", in.RoleName, 64); err != nil {
		return nil, err
	}
	if r.Path, err = checkPath("path", in.Path); err != nil {
		return nil, err
	}
	if r.Trust, err = checkDocument(policy.Trust, "assumeRolePolicyDocument", in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	if in.MaxSessionDuration != nil {
		if err := checkSession(*in.MaxSessionDuration); err != nil {
			return nil, err
		}
		r.MaxSession = int(*in.MaxSessionDuration)
	}
	if in.PermissionsBoundary != nil {
		if r.Boundary, err = checkPolicyARN("permissionsBoundary", in.PermissionsBoundary); err != nil {
			return nil, err
		}
	}
	r.Tags, err = tagsOf(in.Tags)
	return r, err
}

func checkSession(seconds int32) error {
	if seconds < shortestSession || seconds > longestSession {
		return awserr.ValidationError("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between %d and %d", seconds, shortestSession, longestSession)
	}
	return nil
}

func checkDescription(d *string) error {
	if len(aws.ToString(d)) > 1000 {
		return awserr.ValidationError("1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000")
	}
	return nil
}

// showRole is a role as the API shows it.
func showRole(r *state.Role) *types.Role {
	out := listedRole(r)
	out.PermissionsBoundary, out.Tags, out.RoleLastUsed = shownBoundary(r.Boundary), shownTags(r.Tags), &types.RoleLastUsed{}
	return &out
}

// listedRole is a role in a list: without tags, boundary and last use.
func listedRole(r *state.Role) types.Role {
	return types.Role{RoleName: aws.String(r.Name), RoleId: aws.String(r.ID), Path: aws.String(r.Path), Arn: aws.String(r.ARN()), CreateDate: aws.Time(r.Created.Std()),
		AssumeRolePolicyDocument: encode(r.Trust), Description: optional(r.Description), MaxSessionDuration: aws.Int32(int32(r.MaxSession))}
}

// authorizedRole finds the role that a request is about and authorizes the call for it.
func (s *Service) authorizedRole(ctx context.Context, name *string) (*apigw.Call, *state.View, *state.Role, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := findRole(v, call.Account, name)
	if err != nil {
		return nil, nil, nil, err
	}
	return call, v, r, call.Authorize(roleResource(r))
}

// GetRole shows a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
func (s *Service) GetRole(ctx context.Context, in *sdk.GetRoleInput) (*sdk.GetRoleOutput, error) {
	_, _, r, err := s.authorizedRole(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetRoleOutput{Role: showRole(r)}, nil
}

var roleNoun = noun[state.Role, types.Role]{
	table: state.Roles, name: func(r *state.Role) string { return r.Name }, path: func(r *state.Role) string { return r.Path },
	show: func(_ *state.View, r *state.Role) types.Role { return listedRole(r) },
}

// ListRoles lists the account's roles.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
func (s *Service) ListRoles(ctx context.Context, in *sdk.ListRolesInput) (*sdk.ListRolesOutput, error) {
	out, err := &sdk.ListRolesOutput{}, error(nil)
	out.Roles, out.Marker, err = listBelow(ctx, s, roleNoun, listing{in.PathPrefix, in.MaxItems, in.Marker})
	out.IsTruncated = out.Marker != nil
	return out, err
}

// UpdateRole changes a role's description and longest session.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html
func (s *Service) UpdateRole(ctx context.Context, in *sdk.UpdateRoleInput) (*sdk.UpdateRoleOutput, error) {
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	c := command.UpdateRole{Description: in.Description}
	if in.MaxSessionDuration != nil {
		if err := checkSession(*in.MaxSessionDuration); err != nil {
			return nil, err
		}
		c.MaxSession = aws.Int(int(*in.MaxSessionDuration))
	}
	call, _, r, err := s.authorizedRole(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	c.AccountID, c.Name = call.Account, r.Name
	return &sdk.UpdateRoleOutput{}, s.change(ctx, c, nil)
}

// UpdateRoleDescription is the older way to change a role's description.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRoleDescription.html
func (s *Service) UpdateRoleDescription(ctx context.Context, in *sdk.UpdateRoleDescriptionInput) (*sdk.UpdateRoleDescriptionOutput, error) {
	if in.Description == nil {
		return nil, null("description")
	}
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	call, _, r, err := s.authorizedRole(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.UpdateRole{AccountID: call.Account, Name: r.Name, Description: in.Description}, nil); err != nil {
		return nil, err
	}
	after := *r
	after.Description = *in.Description
	return &sdk.UpdateRoleDescriptionOutput{Role: showRole(&after)}, nil
}

// UpdateAssumeRolePolicy replaces a role's trust policy.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, in *sdk.UpdateAssumeRolePolicyInput) (*sdk.UpdateAssumeRolePolicyOutput, error) {
	text, err := checkDocument(policy.Trust, "policyDocument", in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	call, _, r, err := s.authorizedRole(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateAssumeRolePolicyOutput{}, s.change(ctx, command.UpdateRole{AccountID: call.Account, Name: r.Name, Trust: &text}, nil)
}

// DeleteRole removes a role that has nothing left. Its sessions end with it.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
func (s *Service) DeleteRole(ctx context.Context, in *sdk.DeleteRoleInput) (*sdk.DeleteRoleOutput, error) {
	call, _, r, err := s.authorizedRole(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteRoleOutput{}, s.change(ctx, command.DeleteRole{AccountID: call.Account, Name: r.Name}, nil)
}
