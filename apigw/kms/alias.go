// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

var aliasForm = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]{1,250}$`)

// checkAlias checks a name that is to be changed.
func checkAlias(name *string) (string, error) {
	n := aws.ToString(name)
	switch {
	case !strings.HasPrefix(n, "alias/"):
		return "", awserr.New("ValidationException", "Invalid identifier")
	case !aliasForm.MatchString(n):
		return "", awserr.New("InvalidAliasNameException", "Alias must match alias/[a-zA-Z0-9/_-] and have at most 256 characters")
	case strings.HasPrefix(n, "alias/aws/"):
		return "", awserr.New("NotAuthorizedException", "")
	}
	return n, nil
}

// CreateAlias gives a key another name.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
func (s *Service) CreateAlias(ctx context.Context, in *sdk.CreateAliasInput) (*sdk.CreateAliasOutput, error) {
	return &sdk.CreateAliasOutput{}, s.setAlias(ctx, in.AliasName, in.TargetKeyId, true)
}

// UpdateAlias lets a name mean another key.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html
func (s *Service) UpdateAlias(ctx context.Context, in *sdk.UpdateAliasInput) (*sdk.UpdateAliasOutput, error) {
	return &sdk.UpdateAliasOutput{}, s.setAlias(ctx, in.AliasName, in.TargetKeyId, false)
}

// setAlias asks about the alias and about its key, as KMS does.
func (s *Service) setAlias(ctx context.Context, alias, target *string, isNew bool) error {
	call := apigw.CallFrom(ctx)
	name, err := checkAlias(alias)
	if err != nil {
		return err
	}
	if strings.HasPrefix(aws.ToString(target), "alias/") || strings.Contains(aws.ToString(target), ":alias/") {
		return awserr.New("ValidationException", "Aliases must refer to keys. Not aliases")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return err
	}
	k, err := s.find(ctx, call, v, "", target)
	if err != nil {
		return err
	}
	if err := s.own(call, k, true); err != nil {
		return err
	}
	if err := call.AuthorizeAction("kms:"+call.Action, apigw.Resource{ARN: s.aliasARN(call.Account, name), Type: "alias"}); err != nil {
		return err
	}
	if err := s.authorize(call, k); err != nil {
		return err
	}
	return s.region.Propose(ctx, command.SetKMSAlias{AccountID: call.Account, Name: name, KeyID: k.ID, New: isNew}, nil)
}

// DeleteAlias takes a name away; its key stays.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html
func (s *Service) DeleteAlias(ctx context.Context, in *sdk.DeleteAliasInput) (*sdk.DeleteAliasOutput, error) {
	call := apigw.CallFrom(ctx)
	name, err := checkAlias(in.AliasName)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	k, err := s.named(ctx, call, v, "", call.Account, name)
	if err != nil {
		return nil, err
	}
	if err := call.AuthorizeAction("kms:DeleteAlias", apigw.Resource{ARN: s.aliasARN(call.Account, name), Type: "alias"}); err != nil {
		return nil, err
	}
	if err := s.authorize(call, k); err != nil {
		return nil, err
	}
	return &sdk.DeleteAliasOutput{}, s.region.Propose(ctx, command.DeleteKMSAlias{AccountID: call.Account, Name: name}, nil)
}

// ListAliases lists the account's aliases, with those of AWS's that no key is behind yet.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html
func (s *Service) ListAliases(ctx context.Context, in *sdk.ListAliasesInput) (*sdk.ListAliasesOutput, error) {
	call := apigw.CallFrom(ctx)
	size, err := pageSize(in.Limit, 100, 50)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	only := ""
	if in.KeyId != nil {
		k, err := s.find(ctx, call, v, "", in.KeyId)
		if err != nil {
			return nil, err
		}
		if err := s.own(call, k, false); err != nil {
			return nil, err
		}
		only = k.ID
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var rows []*state.KMSAlias
	for a := range state.KMSAliases.Of(v, call.Account) {
		if only == "" || a.KeyID == only {
			rows = append(rows, a)
		}
	}
	for name := range awsAliases {
		if _, ok := state.KMSAliases.Get(v, call.Account, state.KMSAliasKey(call.Account, name)); !ok && only == "" {
			rows = append(rows, &state.KMSAlias{AccountID: call.Account, Name: name})
		}
	}
	slices.SortFunc(rows, func(a, b *state.KMSAlias) int { return strings.Compare(a.Name, b.Name) })
	page, next, err := cut(call, rows, func(a *state.KMSAlias) string { return a.Name }, in.Marker, size)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListAliasesOutput{Aliases: []types.AliasListEntry{}, NextMarker: next, Truncated: next != nil}
	for _, a := range page {
		e := types.AliasListEntry{AliasName: aws.String(a.Name), AliasArn: aws.String(s.aliasARN(call.Account, a.Name))}
		if a.KeyID != "" {
			e.TargetKeyId, e.CreationDate, e.LastUpdatedDate = aws.String(a.KeyID), aws.Time(a.Created.Std()), aws.Time(a.Updated.Std())
		}
		out.Aliases = append(out.Aliases, e)
	}
	return out, nil
}
