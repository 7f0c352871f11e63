// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// CreateLoginProfile gives a user a password for the console.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
func (s *Service) CreateLoginProfile(ctx context.Context, in *sdk.CreateLoginProfileInput) (*sdk.CreateLoginProfileOutput, error) {
	if in.Password == nil {
		return nil, null("password")
	}
	call, v, u, err := s.authorizedNamed(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	if _, has := state.LoginProfiles.Get(v, call.Account, state.UserKey(call.Account, u.Name)); has { // a hash is costly
		return nil, awserr.New("EntityAlreadyExists", "Login Profile for user %s already exists.", u.Name)
	}
	if err := checkPassword(settings(v, call.Account).Passwords, *in.Password); err != nil {
		return nil, err
	}
	text, err := hash(*in.Password)
	if err != nil {
		return nil, err
	}
	c := command.SetLoginProfile{AccountID: call.Account, User: u.Name, Create: true, Hash: &text, ResetRequired: &in.PasswordResetRequired}
	if err := s.change(ctx, c, nil); err != nil {
		return nil, err
	}
	return &sdk.CreateLoginProfileOutput{LoginProfile: &types.LoginProfile{UserName: aws.String(u.Name), CreateDate: aws.Time(call.Time.UTC()), PasswordResetRequired: in.PasswordResetRequired}}, nil
}

// GetLoginProfile tells whether a user has a password.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html
func (s *Service) GetLoginProfile(ctx context.Context, in *sdk.GetLoginProfileInput) (*sdk.GetLoginProfileOutput, error) {
	call, v, u, err := s.authorizedNamed(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	p, ok := state.LoginProfiles.Get(v, call.Account, state.UserKey(call.Account, u.Name))
	if !ok {
		return nil, awserr.NoSuchEntity("Login Profile for User %s cannot be found.", u.Name)
	}
	return &sdk.GetLoginProfileOutput{LoginProfile: &types.LoginProfile{UserName: aws.String(u.Name), CreateDate: aws.Time(p.Created.Std()), PasswordResetRequired: p.ResetRequired}}, nil
}

// UpdateLoginProfile changes a user's password, or whether it must be changed at the next login.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateLoginProfile.html
func (s *Service) UpdateLoginProfile(ctx context.Context, in *sdk.UpdateLoginProfileInput) (*sdk.UpdateLoginProfileOutput, error) {
	call, v, u, err := s.authorizedNamed(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	c := command.SetLoginProfile{AccountID: call.Account, User: u.Name, ResetRequired: in.PasswordResetRequired}
	if in.Password != nil {
		if err := checkPassword(settings(v, call.Account).Passwords, *in.Password); err != nil {
			return nil, err
		}
		text, err := hash(*in.Password)
		if err != nil {
			return nil, err
		}
		c.Hash = &text
	}
	return &sdk.UpdateLoginProfileOutput{}, s.change(ctx, c, nil)
}

// DeleteLoginProfile takes a user's password away; access keys go on.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html
func (s *Service) DeleteLoginProfile(ctx context.Context, in *sdk.DeleteLoginProfileInput) (*sdk.DeleteLoginProfileOutput, error) {
	call, _, u, err := s.authorizedNamed(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteLoginProfileOutput{}, s.change(ctx, command.SetLoginProfile{AccountID: call.Account, User: u.Name, Remove: true}, nil)
}
