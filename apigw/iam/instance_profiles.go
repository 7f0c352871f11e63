// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// CreateInstanceProfile makes an instance profile without a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html
func (s *Service) CreateInstanceProfile(ctx context.Context, in *sdk.CreateInstanceProfileInput) (*sdk.CreateInstanceProfileOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	p := &state.InstanceProfile{AccountID: call.Account, ID: newID("AIPA"), Created: state.At(call.Time)}
	if p.Name, err = checkName("instanceProfileName", in.InstanceProfileName, 128); err != nil {
		return nil, err
	}
	if p.Path, err = checkPath("path", in.Path); err != nil {
		return nil, err
	}
	if p.Tags, err = tagsOf(in.Tags); err != nil {
		return nil, err
	}
	r := profileResource(p)
	r.RequestTags = p.Tags
	if err := call.Authorize(r); err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.CreateInstanceProfile{Profile: *p}, nil); err != nil {
		return nil, err
	}
	return &sdk.CreateInstanceProfileOutput{InstanceProfile: showProfile(v, p)}, nil
}

// showProfile is an instance profile as the API shows it.
func showProfile(v *state.View, p *state.InstanceProfile) *types.InstanceProfile {
	out := listedProfile(v, p)
	out.Tags = shownTags(p.Tags)
	return &out
}

// listedProfile is an instance profile in a list: without tags.
func listedProfile(v *state.View, p *state.InstanceProfile) types.InstanceProfile {
	out := types.InstanceProfile{InstanceProfileName: aws.String(p.Name), InstanceProfileId: aws.String(p.ID), Path: aws.String(p.Path), Arn: aws.String(p.ARN()),
		CreateDate: aws.Time(p.Created.Std()), Roles: []types.Role{}}
	if r, ok := state.Roles.Get(v, p.AccountID, state.RoleKey(p.AccountID, p.Role)); ok && p.Role != "" {
		out.Roles = append(out.Roles, listedRole(r))
	}
	return out
}

// authorizedProfile finds the instance profile that a request is about and authorizes the call for it.
func (s *Service) authorizedProfile(ctx context.Context, name *string) (*apigw.Call, *state.View, *state.InstanceProfile, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := findProfile(v, call.Account, name)
	if err != nil {
		return nil, nil, nil, err
	}
	return call, v, p, call.Authorize(profileResource(p))
}

// GetInstanceProfile shows an instance profile with its role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html
func (s *Service) GetInstanceProfile(ctx context.Context, in *sdk.GetInstanceProfileInput) (*sdk.GetInstanceProfileOutput, error) {
	_, v, p, err := s.authorizedProfile(ctx, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return &sdk.GetInstanceProfileOutput{InstanceProfile: showProfile(v, p)}, nil
}

var profileNoun = noun[state.InstanceProfile, types.InstanceProfile]{
	table: state.InstanceProfiles, name: func(p *state.InstanceProfile) string { return p.Name }, path: func(p *state.InstanceProfile) string { return p.Path },
	show: listedProfile,
}

// ListInstanceProfiles lists the account's instance profiles.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html
func (s *Service) ListInstanceProfiles(ctx context.Context, in *sdk.ListInstanceProfilesInput) (*sdk.ListInstanceProfilesOutput, error) {
	out, err := &sdk.ListInstanceProfilesOutput{}, error(nil)
	out.InstanceProfiles, out.Marker, err = listBelow(ctx, s, profileNoun, listing{in.PathPrefix, in.MaxItems, in.Marker})
	out.IsTruncated = out.Marker != nil
	return out, err
}

func listedProfiles(call *apigw.Call, v *state.View, rows []*state.InstanceProfile, maxItems *int32, marker *string) ([]types.InstanceProfile, *string, error) {
	return listed(call, rows, func(p *state.InstanceProfile) string { return p.Name }, maxItems, marker, func(p *state.InstanceProfile) types.InstanceProfile { return listedProfile(v, p) })
}

// ListInstanceProfilesForRole lists the instance profiles that hold a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfilesForRole.html
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, in *sdk.ListInstanceProfilesForRoleInput) (*sdk.ListInstanceProfilesForRoleOutput, error) {
	call, v, r, err := s.authorizedRole(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	var rows []*state.InstanceProfile
	for p := range state.InstanceProfiles.Of(v, call.Account) {
		if p.Role == r.Name {
			rows = append(rows, p)
		}
	}
	out := &sdk.ListInstanceProfilesForRoleOutput{}
	out.InstanceProfiles, out.Marker, err = listedProfiles(call, v, rows, in.MaxItems, in.Marker)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// AddRoleToInstanceProfile puts a role into an instance profile. The caller must be allowed to pass it.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
func (s *Service) AddRoleToInstanceProfile(ctx context.Context, in *sdk.AddRoleToInstanceProfileInput) (*sdk.AddRoleToInstanceProfileOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	p, err := findProfile(v, call.Account, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	r, err := findRole(v, call.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := call.AuthorizeAction("iam:PassRole", with(roleResource(r), "iam:PassedToService", "ec2.amazonaws.com")); err != nil {
		return nil, err
	}
	if err := call.Authorize(profileResource(p)); err != nil {
		return nil, err
	}
	return &sdk.AddRoleToInstanceProfileOutput{}, s.change(ctx, command.SetProfileRole{AccountID: call.Account, Profile: p.Name, Role: r.Name}, nil)
}

// RemoveRoleFromInstanceProfile takes the role out of an instance profile.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html
func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context, in *sdk.RemoveRoleFromInstanceProfileInput) (*sdk.RemoveRoleFromInstanceProfileOutput, error) {
	role, err := checkName("roleName", in.RoleName, 64)
	if err != nil {
		return nil, err
	}
	call, _, p, err := s.authorizedProfile(ctx, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return &sdk.RemoveRoleFromInstanceProfileOutput{}, s.change(ctx, command.SetProfileRole{AccountID: call.Account, Profile: p.Name, Role: role, Remove: true}, nil)
}

// DeleteInstanceProfile removes an instance profile without a role.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html
func (s *Service) DeleteInstanceProfile(ctx context.Context, in *sdk.DeleteInstanceProfileInput) (*sdk.DeleteInstanceProfileOutput, error) {
	call, _, p, err := s.authorizedProfile(ctx, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteInstanceProfileOutput{}, s.change(ctx, command.DeleteInstanceProfile{AccountID: call.Account, Name: p.Name}, nil)
}
