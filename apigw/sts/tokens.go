// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/internal/tenant"
)

// GetSessionToken gives a user temporary credentials with the user's own permissions. They call neither IAM (without a
// second factor) nor STS except AssumeRole and GetCallerIdentity.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
func (s *Service) GetSessionToken(ctx context.Context, in *sdk.GetSessionTokenInput) (*sdk.GetSessionTokenOutput, error) {
	call := apigw.CallFrom(ctx)
	claims, seconds, err := ownSession(call, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	creds, err := s.issue(claims, call.Time, seconds)
	if err != nil {
		return nil, err
	}
	return &sdk.GetSessionTokenOutput{Credentials: creds}, nil
}

// GetFederationToken gives a user credentials to pass on, with the user's permissions as far as the session policies allow
// them: without session policies nothing.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
func (s *Service) GetFederationToken(ctx context.Context, in *sdk.GetFederationTokenInput) (*sdk.GetFederationTokenOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := checkText("name", aws.ToString(in.Name), 2, 32, sessionName); err != nil {
		return nil, err
	}
	claims, seconds, err := ownSession(call, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	tags, err := sessionTags(in.Tags)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	claims.Type, claims.Session.Name, claims.Session.Tags = apigw.PrincipalFederated, *in.Name, tags
	if err := (limits{in.Policy, in.PolicyArns}).addTo(&claims.Session, v, call.Account); err != nil {
		return nil, err
	}
	target := apigw.Resource{ARN: session.FederatedARN(call.Account, *in.Name), Type: "federated-user", RequestTags: tags}
	if len(tags) > 0 {
		if err := call.AuthorizeAction("sts:TagSession", target); err != nil {
			return nil, err
		}
	}
	if err := call.Authorize(target); err != nil {
		return nil, err
	}
	packed, err := checkPacked(&claims.Session)
	if err != nil {
		return nil, err
	}
	creds, err := s.issue(claims, call.Time, seconds)
	if err != nil {
		return nil, err
	}
	user := &types.FederatedUser{Arn: &target.ARN, FederatedUserId: aws.String(call.Account + ":" + *in.Name)}
	return &sdk.GetFederationTokenOutput{Credentials: creds, FederatedUser: user, PackedPolicySize: packed}, nil
}

// ownSession begins the claims of a session with the caller's own identity. Only long-term keys may ask for one; the root
// user's last an hour at most.
func ownSession(call *apigw.Call, asked *int32) (session.Claims, int32, error) {
	p := call.Principal
	if p.Session != nil {
		return session.Claims{}, 0, awserr.New("AccessDenied", "Cannot call %s with session credentials", call.Action)
	}
	seconds, err := duration(asked, 12*hour, maxUserDuration)
	if err != nil {
		return session.Claims{}, 0, err
	}
	c := session.Claims{AccountID: p.AccountID, Type: p.Type, UserID: p.UserID, UserName: p.UserName, KeyID: p.AccessKeyID}
	if p.Root {
		c.UserName, seconds = tenant.RootUser, min(seconds, hour)
	}
	return c, seconds, nil
}
