// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// CreateGroup makes a group without users.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html
func (s *Service) CreateGroup(ctx context.Context, in *sdk.CreateGroupInput) (*sdk.CreateGroupOutput, error) {
	call := apigw.CallFrom(ctx)
	name, err := checkName("groupName", in.GroupName, 128)
	if err != nil {
		return nil, err
	}
	at, err := checkPath("path", in.Path)
	if err != nil {
		return nil, err
	}
	g := state.IAMGroup{AccountID: call.Account, Name: name, ID: newID("AGPA"), Path: at, Created: state.At(call.Time)}
	if err := call.Authorize(groupResource(&g)); err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.CreateGroup{Group: g}, nil); err != nil {
		return nil, err
	}
	shown := showGroup(&g)
	return &sdk.CreateGroupOutput{Group: &shown}, nil
}

// showGroup is a group as the API shows it.
func showGroup(g *state.IAMGroup) types.Group {
	return types.Group{GroupName: aws.String(g.Name), GroupId: aws.String(g.ID), Path: aws.String(g.Path), Arn: aws.String(g.ARN()), CreateDate: aws.Time(g.Created.Std())}
}

// authorizedGroup finds the group that a request is about and authorizes the call for it.
func (s *Service) authorizedGroup(ctx context.Context, name *string) (*apigw.Call, *state.View, *state.IAMGroup, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	g, err := findGroup(v, call.Account, name)
	if err != nil {
		return nil, nil, nil, err
	}
	return call, v, g, call.Authorize(groupResource(g))
}

// GetGroup shows a group and the users in it.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html
func (s *Service) GetGroup(ctx context.Context, in *sdk.GetGroupInput) (*sdk.GetGroupOutput, error) {
	call, v, g, err := s.authorizedGroup(ctx, in.GroupName)
	if err != nil {
		return nil, err
	}
	shown := showGroup(g)
	out := &sdk.GetGroupOutput{Group: &shown}
	out.Users, out.Marker, err = listed(call, members(v, g), func(u *state.User) string { return u.Name }, in.MaxItems, in.Marker, listedUser)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// members are the users in a group.
func members(v *state.View, g *state.IAMGroup) []*state.User {
	var out []*state.User
	for u := range state.Users.Of(v, g.AccountID) {
		if slices.Contains(u.Groups, g.Name) {
			out = append(out, u)
		}
	}
	return out
}

var groupNoun = noun[state.IAMGroup, types.Group]{
	table: state.IAMGroups, name: func(g *state.IAMGroup) string { return g.Name }, path: func(g *state.IAMGroup) string { return g.Path },
	show: func(_ *state.View, g *state.IAMGroup) types.Group { return showGroup(g) },
}

// ListGroups lists the account's groups.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroups.html
func (s *Service) ListGroups(ctx context.Context, in *sdk.ListGroupsInput) (*sdk.ListGroupsOutput, error) {
	out, err := &sdk.ListGroupsOutput{}, error(nil)
	out.Groups, out.Marker, err = listBelow(ctx, s, groupNoun, listing{in.PathPrefix, in.MaxItems, in.Marker})
	out.IsTruncated = out.Marker != nil
	return out, err
}

// UpdateGroup renames a group or moves it to another path.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateGroup.html
func (s *Service) UpdateGroup(ctx context.Context, in *sdk.UpdateGroupInput) (*sdk.UpdateGroupOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	g, err := findGroup(v, call.Account, in.GroupName)
	if err != nil {
		return nil, err
	}
	after := *g
	if err := move(in.NewGroupName, in.NewPath, "newGroupName", 128, &after.Name, &after.Path); err != nil {
		return nil, err
	}
	resources := []apigw.Resource{groupResource(g)}
	if after.ARN() != g.ARN() {
		resources = append(resources, groupResource(&after))
	}
	if err := call.Authorize(resources...); err != nil {
		return nil, err
	}
	return &sdk.UpdateGroupOutput{}, s.change(ctx, command.UpdateGroup{AccountID: call.Account, Name: g.Name, NewName: in.NewGroupName, NewPath: in.NewPath}, nil)
}

// DeleteGroup removes a group that has nothing left.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html
func (s *Service) DeleteGroup(ctx context.Context, in *sdk.DeleteGroupInput) (*sdk.DeleteGroupOutput, error) {
	call, _, g, err := s.authorizedGroup(ctx, in.GroupName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteGroupOutput{}, s.change(ctx, command.DeleteGroup{AccountID: call.Account, Name: g.Name}, nil)
}

// AddUserToGroup puts a user into a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html
func (s *Service) AddUserToGroup(ctx context.Context, in *sdk.AddUserToGroupInput) (*sdk.AddUserToGroupOutput, error) {
	return &sdk.AddUserToGroupOutput{}, s.member(ctx, in.GroupName, in.UserName, false)
}

// RemoveUserFromGroup takes a user out of a group.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html
func (s *Service) RemoveUserFromGroup(ctx context.Context, in *sdk.RemoveUserFromGroupInput) (*sdk.RemoveUserFromGroupOutput, error) {
	return &sdk.RemoveUserFromGroupOutput{}, s.member(ctx, in.GroupName, in.UserName, true)
}

func (s *Service) member(ctx context.Context, group, user *string, leave bool) error {
	name, err := checkName("userName", user, 128)
	if err != nil {
		return err
	}
	call, _, g, err := s.authorizedGroup(ctx, group)
	if err != nil {
		return err
	}
	return s.change(ctx, command.ChangeMembership{AccountID: call.Account, Group: g.Name, User: name, Leave: leave}, nil)
}

// ListGroupsForUser lists the groups that a user is in.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html
func (s *Service) ListGroupsForUser(ctx context.Context, in *sdk.ListGroupsForUserInput) (*sdk.ListGroupsForUserOutput, error) {
	call, v, u, err := s.authorizedNamed(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	var groups []*state.IAMGroup
	for _, name := range u.Groups {
		if g, ok := state.IAMGroups.Get(v, call.Account, state.IAMGroupKey(call.Account, name)); ok {
			groups = append(groups, g)
		}
	}
	out := &sdk.ListGroupsForUserOutput{}
	out.Groups, out.Marker, err = listed(call, groups, func(g *state.IAMGroup) string { return g.Name }, in.MaxItems, in.Marker, showGroup)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// authorizedNamed finds the user that a request names and authorizes the call for it.
func (s *Service) authorizedNamed(ctx context.Context, name *string) (*apigw.Call, *state.View, *state.User, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	u, err := namedUser(v, call, name)
	if err != nil {
		return nil, nil, nil, err
	}
	return call, v, u, call.Authorize(userResource(u))
}
