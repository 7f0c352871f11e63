// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
)

var roleARN = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:role/[\x21-\x7e]+$`)

// AssumeRole gives a session of a role to whom the role trusts.
// See https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *Service) AssumeRole(ctx context.Context, in *sdk.AssumeRoleInput) (*sdk.AssumeRoleOutput, error) {
	call := apigw.CallFrom(ctx)
	seconds, err := checkAssume(in)
	if err != nil {
		return nil, err
	}
	tags, err := sessionTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if call.Principal.Root {
		return nil, awserr.New("AccessDenied", "Roles may not be assumed by root accounts.")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	role, err := findRole(v, *in.RoleArn)
	if err != nil {
		return nil, err
	}
	if role == nil || call.Principal.Type == apigw.PrincipalFederated {
		return nil, notAuthorized(call, *in.RoleArn)
	}
	if err := s.authorizeAssume(call, role, in, tags); err != nil {
		return nil, err
	}
	claims, err := assumed(call, v, role, in, tags)
	if err != nil {
		return nil, err
	}
	if err := checkRoleDuration(call, role, in.DurationSeconds); err != nil {
		return nil, err
	}
	packed, err := checkPacked(&claims.Session)
	if err != nil {
		return nil, err
	}
	creds, err := s.issue(*claims, call.Time, seconds)
	if err != nil {
		return nil, err
	}
	out := &sdk.AssumeRoleOutput{Credentials: creds, AssumedRoleUser: assumedUser(role, *in.RoleSessionName), PackedPolicySize: packed}
	if claims.Session.SourceIdentity != "" {
		out.SourceIdentity = &claims.Session.SourceIdentity
	}
	return out, nil
}

// checkAssume looks at the form of what was sent.
func checkAssume(in *sdk.AssumeRoleInput) (seconds int32, err error) {
	if err := checkLength("roleArn", aws.ToString(in.RoleArn), 20, 2048); err != nil {
		return 0, err
	}
	if err := checkText("roleSessionName", aws.ToString(in.RoleSessionName), 2, 64, sessionName); err != nil {
		return 0, err
	}
	if err := checkOptional("externalId", in.ExternalId, 2, 1224, externalID); err != nil {
		return 0, err
	}
	if err := checkOptional("sourceIdentity", in.SourceIdentity, 2, 64, sessionName); err != nil {
		return 0, err
	}
	return duration(in.DurationSeconds, hour, maxRoleDuration)
}

// findRole finds a role of any account by its ARN; nil when there is none, which callers learn as a refusal.
func findRole(v *state.View, arn string) (*state.Role, error) {
	if !roleARN.MatchString(arn) {
		return nil, awserr.ValidationError("%.256s is invalid", arn)
	}
	_, _, account, _, _ := apigw.ParseARN(arn)
	owner, active := state.Accounts.Get(v, account, account)
	role, ok := state.Roles.Get(v, account, state.RoleKey(account, session.RoleName(arn)))
	if !ok || role.ARN() != arn || !active || owner.Status != state.AccountActive {
		return nil, nil
	}
	return role, nil
}

func notAuthorized(call *apigw.Call, role string) error {
	return awserr.AccessDenied(call.Principal.ARN, "sts:AssumeRole", role, "")
}

// authorizeAssume asks for all that the call is about: tags and a source identity need permissions of their own, from the
// caller's policies and from the trust policy alike.
func (s *Service) authorizeAssume(call *apigw.Call, role *state.Role, in *sdk.AssumeRoleInput, tags map[string]string) error {
	trust, err := policy.Parse(policy.Trust, role.Trust)
	if err != nil {
		return fmt.Errorf("read trust policy of %s: %w", role.ARN(), err)
	}
	target := apigw.Resource{ARN: role.ARN(), Account: role.AccountID, Type: "role", Tags: role.Tags, RequestTags: tags,
		Policy: trust, PolicyDecides: true, Conditions: map[string]string{
			"sts:RoleSessionName": *in.RoleSessionName, "sts:ExternalId": aws.ToString(in.ExternalId), "sts:SourceIdentity": aws.ToString(in.SourceIdentity),
		}, Keys: map[string][]string{}}
	if len(in.TransitiveTagKeys) > 0 {
		target.Keys["sts:TransitiveTagKeys"] = in.TransitiveTagKeys
	}
	if err := call.Authorize(target); err != nil { // first: outsiders learn nothing else
		return shorten(err)
	}
	if len(tags) > 0 {
		if err := call.AuthorizeAction("sts:TagSession", target); err != nil {
			return shorten(err)
		}
	}
	if in.SourceIdentity != nil {
		if err := call.AuthorizeAction("sts:SetSourceIdentity", target); err != nil {
			return shorten(err)
		}
	}
	return nil
}

// shorten leaves the reason out where the trust policy does not allow: AWS does not tell outsiders why.
func shorten(err error) error {
	var refused *awserr.Error
	if !errors.As(err, &refused) || refused.Code != "AccessDenied" {
		return err
	}
	text, _, found := strings.Cut(refused.Message, " because no resource-based policy allows")
	if !found {
		return err
	}
	return awserr.New("AccessDenied", "%s", text)
}

// assumed are the claims of the session that the caller gets.
func assumed(call *apigw.Call, v *state.View, role *state.Role, in *sdk.AssumeRoleInput, tags map[string]string) (*session.Claims, error) {
	from := call.Principal.Session
	c := &session.Claims{AccountID: role.AccountID, Type: apigw.PrincipalAssumedRole,
		Session: apigw.Session{RoleARN: role.ARN(), RoleID: role.ID, Name: *in.RoleSessionName, SourceIdentity: aws.ToString(in.SourceIdentity)}}
	if from != nil && from.SourceIdentity != "" {
		if in.SourceIdentity != nil && *in.SourceIdentity != from.SourceIdentity {
			return nil, awserr.New("AccessDenied", "The source identity of a session cannot be changed when it assumes a role.")
		}
		c.Session.SourceIdentity = from.SourceIdentity
	}
	if err := inherit(from, tags, in.TransitiveTagKeys, &c.Session); err != nil {
		return nil, err
	}
	return c, limits{in.Policy, in.PolicyArns}.addTo(&c.Session, v, role.AccountID)
}

// checkRoleDuration bounds a session by its role, and by an hour where a role's session assumes the role.
func checkRoleDuration(call *apigw.Call, role *state.Role, asked *int32) error {
	if asked == nil {
		return nil
	}
	if call.Principal.Type == apigw.PrincipalAssumedRole && *asked > hour {
		return awserr.ValidationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if int(*asked) > max(role.MaxSession, hour) {
		return awserr.ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return nil
}

func assumedUser(role *state.Role, name string) *types.AssumedRoleUser {
	return &types.AssumedRoleUser{Arn: aws.String(session.RoleSessionARN(role.AccountID, role.Name, name)), AssumedRoleId: aws.String(role.ID + ":" + name)}
}
