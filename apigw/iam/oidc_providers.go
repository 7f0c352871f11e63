// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

var thumbprint = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// CreateOpenIDConnectProvider makes an identity provider whose tokens roles may trust.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, in *sdk.CreateOpenIDConnectProviderInput) (*sdk.CreateOpenIDConnectProviderOutput, error) {
	call := apigw.CallFrom(ctx)
	at, err := checkIssuer(in.Url)
	if err != nil {
		return nil, err
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	for _, id := range in.ClientIDList {
		if err := checkClient(&id); err != nil {
			return nil, err
		}
	}
	set, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	p := state.OIDCProvider{AccountID: call.Account, ARN: "arn:aws:iam::" + call.Account + ":oidc-provider/" + at, URL: at, ClientIDs: in.ClientIDList,
		Thumbprints: in.ThumbprintList, Tags: set, Created: state.At(call.Time)}
	r := providerResource(&p)
	r.RequestTags = set
	if err := call.Authorize(r); err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.CreateOIDCProvider{Provider: p}, nil); err != nil {
		return nil, err
	}
	return &sdk.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: aws.String(p.ARN), Tags: in.Tags}, nil
}

// checkIssuer is an issuer's URL without its https://.
func checkIssuer(u *string) (string, error) {
	if u == nil || *u == "" {
		return "", null("url")
	}
	parsed, err := url.Parse(*u)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil || len(*u) > 255 {
		return "", awserr.ValidationError("Invalid Open ID Connect Provider URL: it must begin with https:// and name an issuer without a query.")
	}
	return strings.TrimSuffix(parsed.Host+parsed.Path, "/"), nil
}

func checkThumbprints(list []string) error {
	if len(list) > 5 {
		return awserr.New("LimitExceeded", "Thumbprint list must contain fewer than 5 entries.")
	}
	for _, t := range list {
		if !thumbprint.MatchString(t) {
			return awserr.ValidationError("1 validation error detected: Value '%.64s' at 'thumbprintList' failed to satisfy constraint: Member must have length 40 and be hexadecimal", t)
		}
	}
	return nil
}

func checkClient(id *string) error {
	if id == nil || *id == "" {
		return null("clientID")
	}
	if len(*id) > 255 {
		return awserr.ValidationError("1 validation error detected: Value at 'clientID' failed to satisfy constraint: Member must have length less than or equal to 255")
	}
	return nil
}

func findProvider(v *state.View, account string, arn *string) (*state.OIDCProvider, error) {
	if arn == nil || *arn == "" {
		return nil, null("openIDConnectProviderArn")
	}
	p, ok := state.OIDCProviders.Get(v, account, *arn)
	if !ok {
		return nil, awserr.NoSuchEntity("OpenIDConnect Provider not found for arn %s", *arn)
	}
	return p, nil
}

// authorizedProvider finds the provider that a request is about and authorizes the call for it.
func (s *Service) authorizedProvider(ctx context.Context, arn *string) (*apigw.Call, *state.OIDCProvider, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, err := findProvider(v, call.Account, arn)
	if err != nil {
		return nil, nil, err
	}
	return call, p, call.Authorize(providerResource(p))
}

// GetOpenIDConnectProvider shows a provider.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html
func (s *Service) GetOpenIDConnectProvider(ctx context.Context, in *sdk.GetOpenIDConnectProviderInput) (*sdk.GetOpenIDConnectProviderOutput, error) {
	_, p, err := s.authorizedProvider(ctx, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &sdk.GetOpenIDConnectProviderOutput{Url: aws.String(p.URL), ClientIDList: p.ClientIDs, ThumbprintList: p.Thumbprints, CreateDate: aws.Time(p.Created.Std()), Tags: shownTags(p.Tags)}, nil
}

// ListOpenIDConnectProviders lists the account's providers.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOpenIDConnectProviders.html
func (s *Service) ListOpenIDConnectProviders(ctx context.Context, _ *sdk.ListOpenIDConnectProvidersInput) (*sdk.ListOpenIDConnectProvidersOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	out := &sdk.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{}}
	for p := range state.OIDCProviders.Of(v, call.Account) {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, types.OpenIDConnectProviderListEntry{Arn: aws.String(p.ARN)})
	}
	return out, nil
}

// DeleteOpenIDConnectProvider removes a provider. Trust policies that name it trust nobody by it any more.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, in *sdk.DeleteOpenIDConnectProviderInput) (*sdk.DeleteOpenIDConnectProviderOutput, error) {
	call, p, err := s.authorizedProvider(ctx, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteOpenIDConnectProviderOutput{}, s.change(ctx, command.DeleteOIDCProvider{AccountID: call.Account, ARN: p.ARN}, nil)
}

// AddClientIDToOpenIDConnectProvider adds an audience; one that is there is no error.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, in *sdk.AddClientIDToOpenIDConnectProviderInput) (*sdk.AddClientIDToOpenIDConnectProviderOutput, error) {
	if err := checkClient(in.ClientID); err != nil {
		return nil, err
	}
	call, p, err := s.authorizedProvider(ctx, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &sdk.AddClientIDToOpenIDConnectProviderOutput{}, s.change(ctx, command.UpdateOIDCProvider{AccountID: call.Account, ARN: p.ARN, AddClient: *in.ClientID}, nil)
}

// RemoveClientIDFromOpenIDConnectProvider removes an audience; one that is not there is no error.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveClientIDFromOpenIDConnectProvider.html
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, in *sdk.RemoveClientIDFromOpenIDConnectProviderInput) (*sdk.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	if err := checkClient(in.ClientID); err != nil {
		return nil, err
	}
	call, p, err := s.authorizedProvider(ctx, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &sdk.RemoveClientIDFromOpenIDConnectProviderOutput{}, s.change(ctx, command.UpdateOIDCProvider{AccountID: call.Account, ARN: p.ARN, RemoveClient: *in.ClientID}, nil)
}

// UpdateOpenIDConnectProviderThumbprint replaces a provider's thumbprints.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateOpenIDConnectProviderThumbprint.html
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, in *sdk.UpdateOpenIDConnectProviderThumbprintInput) (*sdk.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	if len(in.ThumbprintList) == 0 {
		return nil, null("thumbprintList")
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	call, p, err := s.authorizedProvider(ctx, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &sdk.UpdateOpenIDConnectProviderThumbprintOutput{}, s.change(ctx, command.UpdateOIDCProvider{AccountID: call.Account, ARN: p.ARN, Thumbprints: in.ThumbprintList}, nil)
}
