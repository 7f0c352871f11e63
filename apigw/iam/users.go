// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

var pathPrefix = regexp.MustCompile(`^/[!-\x7f]{0,511}$`)

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
	out := types.User{UserName: shownName(u), UserId: aws.String(u.ID), Arn: aws.String(u.ARN()), CreateDate: aws.Time(u.Created.Std())}
	if !u.Root {
		out.Path = aws.String(u.Path)
	}
	return out
}

// ListUsers lists the account's users; the root user is none.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
func (s *Service) ListUsers(ctx context.Context, in *sdk.ListUsersInput) (*sdk.ListUsersOutput, error) {
	call := apigw.CallFrom(ctx)
	prefix := aws.ToString(in.PathPrefix)
	if in.PathPrefix != nil && !pathPrefix.MatchString(prefix) {
		return nil, awserr.ValidationError("The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var users []*state.User
	for u := range state.Users.Of(v, call.Account) {
		if !u.Root && strings.HasPrefix(u.Path, prefix) {
			users = append(users, u)
		}
	}
	users, next, err := apigw.Page(call, users, func(u *state.User) string { return u.Name }, pageOf(in.MaxItems, in.Marker), page.IAM)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListUsersOutput{Users: []types.User{}, IsTruncated: next != nil, Marker: next}
	for _, u := range users {
		out.Users = append(out.Users, show(u))
	}
	return out, nil
}

// ListAccountAliases lists the account's alias. No action gives an account one yet, so the list is empty.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html
func (s *Service) ListAccountAliases(ctx context.Context, in *sdk.ListAccountAliasesInput) (*sdk.ListAccountAliasesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	aliases, _, err := apigw.Page(call, []string{}, func(a string) string { return a }, pageOf(in.MaxItems, in.Marker), page.IAM)
	if err != nil {
		return nil, err
	}
	return &sdk.ListAccountAliasesOutput{AccountAliases: aliases}, nil
}
