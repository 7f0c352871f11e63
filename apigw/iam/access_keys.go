// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/tenant"
)

var keyID = regexp.MustCompile(`^\w{16,128}$`)

// CreateAccessKey makes an access key and shows its secret this once.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
func (s *Service) CreateAccessKey(ctx context.Context, in *sdk.CreateAccessKeyInput) (*sdk.CreateAccessKeyOutput, error) {
	call := apigw.CallFrom(ctx)
	user, err := s.authorizedUser(ctx, call, in.UserName)
	if err != nil {
		return nil, err
	}
	key, row, err := tenant.NewAccessKey(s.sealer, call.Account, user.Name, state.At(call.Time))
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.CreateAccessKey{Key: row}, nil); err != nil {
		return nil, fmt.Errorf("create access key for user %s: %w", user.Name, err)
	}
	return &sdk.CreateAccessKeyOutput{AccessKey: &types.AccessKey{
		UserName: shownName(user), AccessKeyId: aws.String(key.ID), SecretAccessKey: aws.String(key.Secret.Reveal()),
		Status: types.StatusTypeActive, CreateDate: aws.Time(call.Time.UTC()),
	}}, nil
}

// authorizedUser finds the user that a request is about and authorizes the call for it.
func (s *Service) authorizedUser(ctx context.Context, call *apigw.Call, name *string) (*state.User, error) {
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	user, err := findUser(v, call, name)
	if err != nil {
		return nil, err
	}
	return user, call.Authorize(userResource(user))
}

// UpdateAccessKey switches a key on or off; it holds from the next request on.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
func (s *Service) UpdateAccessKey(ctx context.Context, in *sdk.UpdateAccessKeyInput) (*sdk.UpdateAccessKeyOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := checkKeyID(in.AccessKeyId); err != nil {
		return nil, err
	}
	if in.Status != types.StatusTypeActive && in.Status != types.StatusTypeInactive {
		return nil, awserr.ValidationError("1 validation error detected: Value '%.64s' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]", string(in.Status))
	}
	user, err := s.authorizedUser(ctx, call, in.UserName)
	if err != nil {
		return nil, err
	}
	c := command.UpdateAccessKey{AccountID: call.Account, UserName: user.Name, KeyID: *in.AccessKeyId, Status: string(in.Status)}
	if err := s.region.Propose(ctx, c, nil); err != nil {
		return nil, fmt.Errorf("update access key %s: %w", *in.AccessKeyId, err)
	}
	return &sdk.UpdateAccessKeyOutput{}, nil
}

// DeleteAccessKey deletes a key; it holds from the next request on.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
func (s *Service) DeleteAccessKey(ctx context.Context, in *sdk.DeleteAccessKeyInput) (*sdk.DeleteAccessKeyOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := checkKeyID(in.AccessKeyId); err != nil {
		return nil, err
	}
	user, err := s.authorizedUser(ctx, call, in.UserName)
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.DeleteAccessKey{AccountID: call.Account, UserName: user.Name, KeyID: *in.AccessKeyId}, nil); err != nil {
		return nil, fmt.Errorf("delete access key %s: %w", *in.AccessKeyId, err)
	}
	return &sdk.DeleteAccessKeyOutput{}, nil
}

func checkKeyID(id *string) error {
	if id == nil || *id == "" {
		return awserr.ValidationError("1 validation error detected: Value null at 'accessKeyId' failed to satisfy constraint: Member must not be null")
	}
	if !keyID.MatchString(*id) {
		return awserr.ValidationError("The specified value for accessKeyId is invalid. It must contain 16 to 128 letters, digits or underscores.")
	}
	return nil
}

// ListAccessKeys lists the keys of a user, never their secrets.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
func (s *Service) ListAccessKeys(ctx context.Context, in *sdk.ListAccessKeysInput) (*sdk.ListAccessKeysOutput, error) {
	call := apigw.CallFrom(ctx)
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	user, err := findUser(v, call, in.UserName)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(userResource(user)); err != nil {
		return nil, err
	}
	keys := slices.Collect(state.AccessKeys.List(v, state.ByOwner, state.UserKey(user.AccountID, user.Name)))
	keys, next, err := apigw.Page(call, keys, func(k *state.AccessKey) string { return k.ID }, pageOf(in.MaxItems, in.Marker), page.IAM)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListAccessKeysOutput{AccessKeyMetadata: []types.AccessKeyMetadata{}, IsTruncated: next != nil, Marker: next}
	for _, k := range keys {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, types.AccessKeyMetadata{UserName: shownName(user), AccessKeyId: aws.String(k.ID),
			Status: types.StatusType(k.Status), CreateDate: aws.Time(k.Created.Std())})
	}
	return out, nil
}

// pageOf is the caller's page, in IAM's words.
func pageOf(maxItems *int32, marker *string) page.Request {
	return page.Request{MaxResults: maxItems, NextToken: marker, Query: true}
}
