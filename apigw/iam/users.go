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

// CreateUser makes a user without keys or permissions.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
func (s *Service) CreateUser(ctx context.Context, in *sdk.CreateUserInput) (*sdk.CreateUserOutput, error) {
	call := apigw.CallFrom(ctx)
	name, err := checkName("userName", in.UserName, 64)
	if err != nil {
		return nil, err
	}
	at, err := checkPath("path", in.Path)
	if err != nil {
		return nil, err
	}
	set, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	u := state.User{AccountID: call.Account, Name: name, ID: newID("AIDA"), Path: at, Tags: set, Created: state.At(call.Time)}
	if in.PermissionsBoundary != nil {
		if u.Boundary, err = checkPolicyARN("permissionsBoundary", in.PermissionsBoundary); err != nil {
			return nil, err
		}
	}
	r := userResource(&u)
	r.RequestTags = set
	if err := call.Authorize(r); err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.CreateUser{User: u}, nil); err != nil {
		return nil, err
	}
	shown := show(&u)
	return &sdk.CreateUserOutput{User: &shown}, nil
}

// GetUser shows a user, or the caller, who may be the root user.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
func (s *Service) GetUser(ctx context.Context, in *sdk.GetUserInput) (*sdk.GetUserOutput, error) {
	user, err := s.authorizedUser(ctx, apigw.CallFrom(ctx), in.UserName)
	if err != nil {
		return nil, err
	}
	shown := show(user)
	return &sdk.GetUserOutput{User: &shown}, nil
}

// show is a user as the API shows it.
func show(u *state.User) types.User {
	out := listedUser(u)
	out.PermissionsBoundary, out.Tags = shownBoundary(u.Boundary), shownTags(u.Tags)
	return out
}

// listedUser is a user in a list: without tags and boundary.
func listedUser(u *state.User) types.User {
	out := types.User{UserName: shownName(u), UserId: aws.String(u.ID), Arn: aws.String(u.ARN()), CreateDate: aws.Time(u.Created.Std())}
	if !u.Root {
		out.Path = aws.String(u.Path)
	}
	return out
}

var userNoun = noun[state.User, types.User]{
	table: state.Users, name: func(u *state.User) string { return u.Name }, path: func(u *state.User) string { return u.Path },
	skip: func(u *state.User) bool { return u.Root }, show: func(_ *state.View, u *state.User) types.User { return listedUser(u) },
}

// ListUsers lists the account's users; the root user is none.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
func (s *Service) ListUsers(ctx context.Context, in *sdk.ListUsersInput) (*sdk.ListUsersOutput, error) {
	out, err := &sdk.ListUsersOutput{}, error(nil)
	out.Users, out.Marker, err = listBelow(ctx, s, userNoun, listing{in.PathPrefix, in.MaxItems, in.Marker})
	out.IsTruncated = out.Marker != nil
	return out, err
}

// UpdateUser renames a user or moves it to another path.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html
func (s *Service) UpdateUser(ctx context.Context, in *sdk.UpdateUserInput) (*sdk.UpdateUserOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	u, err := namedUser(v, call, in.UserName)
	if err != nil {
		return nil, err
	}
	after := *u
	if err := move(in.NewUserName, in.NewPath, "newUserName", 64, &after.Name, &after.Path); err != nil {
		return nil, err
	}
	resources := []apigw.Resource{userResource(u)}
	if after.ARN() != u.ARN() { // AWS asks about the old and the new name
		resources = append(resources, userResource(&after))
	}
	if err := call.Authorize(resources...); err != nil {
		return nil, err
	}
	return &sdk.UpdateUserOutput{}, s.change(ctx, command.UpdateUser{AccountID: call.Account, Name: u.Name, NewName: in.NewUserName, NewPath: in.NewPath}, nil)
}

// move checks a new name and path and writes them.
func move(newName, newPath *string, field string, longest int, name, at *string) (err error) {
	if newName != nil {
		if *name, err = checkName(field, newName, longest); err != nil {
			return err
		}
	}
	if newPath != nil {
		*at, err = checkPath("newPath", newPath)
	}
	return err
}

// DeleteUser removes a user that has nothing left.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
func (s *Service) DeleteUser(ctx context.Context, in *sdk.DeleteUserInput) (*sdk.DeleteUserOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	u, err := namedUser(v, call, in.UserName)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(userResource(u)); err != nil {
		return nil, err
	}
	return &sdk.DeleteUserOutput{}, s.change(ctx, command.DeleteUser{AccountID: call.Account, Name: u.Name}, nil)
}
