// SPDX-License-Identifier: Apache-2.0

package kms

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/command"
)

// defaultPolicy is the policy of a key for which none was given: the account's IAM policies decide.
func defaultPolicy(account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::` + account + `:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

// checkPolicy refuses a key policy that does not parse, is too long, or would keep the caller from changing it again.
func (s *Service) checkPolicy(call *apigw.Call, text string, bypass bool) error {
	document, err := policy.Parse(policy.Resource, text)
	var malformed *policy.Error
	switch {
	case errors.As(err, &malformed):
		return awserr.New("MalformedPolicyDocumentException", "%s", malformed.Message)
	case err != nil:
		return err
	case len(text) > policy.MaxKey:
		return awserr.New("LimitExceededException", "A key policy has at most %d bytes.", policy.MaxKey)
	case bypass:
		return nil
	}
	d := policy.Evaluate(policy.Request{Principal: authz.PrincipalOf(call.Principal), Action: "kms:PutKeyPolicy", Resource: "*", ResourceAccount: call.Account, ResourceDecides: true},
		policy.Set{Identity: []policy.Source{{ID: "caller", Document: everything()}}, Resource: []policy.Source{{ID: "key", Document: document}}})
	if !d.Allowed {
		return awserr.New("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

// everything is an identity policy that allows all: whether the caller's own do is asked elsewhere.
func everything() *policy.Document {
	d, err := policy.Parse(policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	if err != nil {
		panic("kms: a constant policy does not parse: " + err.Error())
	}
	return d
}

// GetKeyPolicy returns a key's policy.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
func (s *Service) GetKeyPolicy(ctx context.Context, in *sdk.GetKeyPolicyInput) (*sdk.GetKeyPolicyOutput, error) {
	_, _, k, err := s.asked(ctx, in.KeyId, true, false)
	if err != nil {
		return nil, err
	}
	return &sdk.GetKeyPolicyOutput{Policy: aws.String(k.Policy), PolicyName: aws.String("default")}, nil
}

// PutKeyPolicy replaces a key's policy.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
func (s *Service) PutKeyPolicy(ctx context.Context, in *sdk.PutKeyPolicyInput) (*sdk.PutKeyPolicyOutput, error) {
	call, _, k, err := s.asked(ctx, in.KeyId, true, true)
	if err != nil {
		return nil, err
	}
	text := aws.ToString(in.Policy)
	if err := s.checkPolicy(call, text, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	return &sdk.PutKeyPolicyOutput{}, s.region.Propose(ctx, command.ModifyKMSKey{AccountID: k.AccountID, KeyID: k.ID, Policy: &text}, nil)
}

// ListKeyPolicies lists the names of a key's policies: there is one.
// See https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html
func (s *Service) ListKeyPolicies(ctx context.Context, in *sdk.ListKeyPoliciesInput) (*sdk.ListKeyPoliciesOutput, error) {
	size, err := pageSize(in.Limit, 1000, 100)
	if err != nil {
		return nil, err
	}
	call, _, _, err := s.asked(ctx, in.KeyId, true, false)
	if err != nil {
		return nil, err
	}
	names, next, err := cut(call, []string{"default"}, func(n string) string { return n }, in.Marker, size)
	if err != nil {
		return nil, err
	}
	return &sdk.ListKeyPoliciesOutput{PolicyNames: append([]string{}, names...), NextMarker: next, Truncated: next != nil}, nil
}
