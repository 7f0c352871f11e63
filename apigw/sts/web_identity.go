// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
)

// AssumeRoleWithWebIdentity gives a session of a role to whom an OIDC provider of the role's account vouches for and the
// trust policy lets. It needs no signature: the provider's token is the proof.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, in *sdk.AssumeRoleWithWebIdentityInput) (*sdk.AssumeRoleWithWebIdentityOutput, error) {
	call := apigw.CallFrom(ctx)
	seconds, err := checkWebIdentity(in)
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	role, err := findRole(v, *in.RoleArn)
	if err != nil {
		return nil, err
	}
	refused := awserr.New("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	if role == nil {
		return nil, refused
	}
	who, err := s.oidc.identify(ctx, v, role.AccountID, *in.WebIdentityToken, call.Time)
	if err != nil {
		return nil, err
	}
	allowed, err := trusts(call, role, who, *in.RoleSessionName)
	if err != nil {
		return nil, err
	}
	if !allowed {
		return nil, refused
	}
	if in.DurationSeconds != nil && int(*in.DurationSeconds) > max(role.MaxSession, hour) {
		return nil, awserr.ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	claims := session.Claims{AccountID: role.AccountID, Type: apigw.PrincipalAssumedRole,
		Session: apigw.Session{RoleARN: role.ARN(), RoleID: role.ID, Name: *in.RoleSessionName, Provider: who.provider.ARN, Federated: who.subject}}
	if err := (limits{in.Policy, in.PolicyArns}).addTo(&claims.Session, v, role.AccountID); err != nil {
		return nil, err
	}
	packed, err := checkPacked(&claims.Session)
	if err != nil {
		return nil, err
	}
	s.admit(call, role, who)
	creds, err := s.issue(claims, call.Time, seconds)
	if err != nil {
		return nil, err
	}
	return &sdk.AssumeRoleWithWebIdentityOutput{Credentials: creds, AssumedRoleUser: assumedUser(role, *in.RoleSessionName), PackedPolicySize: packed,
		SubjectFromWebIdentityToken: &who.subject, Audience: &who.audience, Provider: &who.provider.ARN}, nil
}

func checkWebIdentity(in *sdk.AssumeRoleWithWebIdentityInput) (seconds int32, err error) {
	if err := checkLength("roleArn", aws.ToString(in.RoleArn), 20, 2048); err != nil {
		return 0, err
	}
	if err := checkText("roleSessionName", aws.ToString(in.RoleSessionName), 2, 64, sessionName); err != nil {
		return 0, err
	}
	if err := checkLength("webIdentityToken", aws.ToString(in.WebIdentityToken), 4, 20_000); err != nil {
		return 0, err
	}
	return duration(in.DurationSeconds, hour, maxRoleDuration)
}

// trusts asks the role's trust policy alone: a web identity has no account and no other policies.
func trusts(call *apigw.Call, role *state.Role, who *webIdentity, name string) (bool, error) {
	trust, err := policy.Parse(policy.Trust, role.Trust)
	if err != nil {
		return false, fmt.Errorf("read trust policy of %s: %w", role.ARN(), err)
	}
	keys := map[string][]string{
		"aws:FederatedProvider": {who.provider.ARN}, "sts:RoleSessionName": {name}, "aws:SourceIp": {call.SourceIP}, "aws:UserAgent": {call.UserAgent},
		"aws:CurrentTime": {call.Time.UTC().Format("2006-01-02T15:04:05Z")}, "aws:SecureTransport": {fmt.Sprint(call.Secure)}, "aws:RequestedRegion": {call.Region},
	}
	for name, values := range who.keys {
		keys[name] = values
	}
	for name, value := range role.Tags {
		keys["aws:ResourceTag/"+name], keys["iam:ResourceTag/"+name] = []string{value}, []string{value}
	}
	d := policy.Evaluate(policy.Request{Principal: policy.Principal{Federated: who.provider.ARN}, Action: "sts:AssumeRoleWithWebIdentity",
		Resource: role.ARN(), ResourceAccount: role.AccountID, ResourceDecides: true, Context: policy.NewKeys(keys)},
		policy.Set{Resource: []policy.Source{{ID: role.ARN(), Type: "resource", Document: trust}}})
	return d.Allowed, nil
}

// admit tells the call who the caller is. A caller who signed as well stays who it is: the signature is not needed, and
// what the answer holds depends on the token alone.
func (s *Service) admit(call *apigw.Call, role *state.Role, who *webIdentity) {
	if call.Signed() {
		call.Proven()
		return
	}
	call.Admit(apigw.Principal{AccountID: role.AccountID, Type: apigw.PrincipalWebIdentity, UserName: who.subject,
		UserID: who.provider.ARN + ":" + who.audience + ":" + who.subject, ARN: who.provider.ARN, Status: apigw.Active})
}

// findProvider finds the OIDC provider of an account that issues tokens as issuer.
func findProvider(v *state.View, account, issuer string) (*state.OIDCProvider, bool) {
	want := bareURL(issuer)
	for p := range state.OIDCProviders.Of(v, account) {
		if bareURL(p.URL) == want {
			return p, true
		}
	}
	return nil, false
}

// bareURL is an issuer as ARNs and condition keys name it: without scheme and final slash.
func bareURL(url string) string {
	return strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/")
}
