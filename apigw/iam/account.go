// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

var accountAlias = regexp.MustCompile(`^[a-z0-9](([a-z0-9]|-[a-z0-9])*[a-z0-9])?$`)

func checkAlias(alias *string) (string, error) {
	if alias == nil || *alias == "" {
		return "", null("accountAlias")
	}
	if len(*alias) < 3 || len(*alias) > 63 || !accountAlias.MatchString(*alias) {
		return "", awserr.ValidationError("The specified value for accountAlias is invalid. It must contain 3 to 63 lowercase letters, digits and single hyphens between them.")
	}
	return *alias, nil
}

// CreateAccountAlias gives the account its alias, in place of the one it had.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html
func (s *Service) CreateAccountAlias(ctx context.Context, in *sdk.CreateAccountAliasInput) (*sdk.CreateAccountAliasOutput, error) {
	return &sdk.CreateAccountAliasOutput{}, s.alias(ctx, in.AccountAlias, false)
}

// DeleteAccountAlias takes the account's alias away.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountAlias.html
func (s *Service) DeleteAccountAlias(ctx context.Context, in *sdk.DeleteAccountAliasInput) (*sdk.DeleteAccountAliasOutput, error) {
	return &sdk.DeleteAccountAliasOutput{}, s.alias(ctx, in.AccountAlias, true)
}

func (s *Service) alias(ctx context.Context, alias *string, remove bool) error {
	call := apigw.CallFrom(ctx)
	name, err := checkAlias(alias)
	if err != nil {
		return err
	}
	if err := call.Authorize(); err != nil {
		return err
	}
	return s.change(ctx, command.SetAccountAlias{AccountID: call.Account, Alias: name, Remove: remove}, nil)
}

// settings is what the account sets; the zero value when it sets nothing.
func settings(v *state.View, account string) state.AccountSettings {
	if s, ok := state.AccountSettingsOf.Get(v, account, account); ok {
		return *s
	}
	return state.AccountSettings{AccountID: account}
}

// ListAccountAliases lists the account's alias; it has one at most.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html
func (s *Service) ListAccountAliases(ctx context.Context, in *sdk.ListAccountAliasesInput) (*sdk.ListAccountAliasesOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var aliases []string
	if a := settings(v, call.Account).Alias; a != "" {
		aliases = append(aliases, a)
	}
	out := &sdk.ListAccountAliasesOutput{}
	out.AccountAliases, out.Marker, err = listed(call, aliases, func(a string) string { return a }, in.MaxItems, in.Marker, func(a string) string { return a })
	out.IsTruncated = out.Marker != nil
	return out, err
}

// between checks an optional number.
func between(field string, n *int32, low, high, fallback int) (int, error) {
	if n == nil {
		return fallback, nil
	}
	if int(*n) < low || int(*n) > high {
		return 0, awserr.ValidationError("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value between %d and %d", *n, field, low, high)
	}
	return int(*n), nil
}

// UpdateAccountPasswordPolicy writes the account's password policy; what is not given has AWS's default again.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
func (s *Service) UpdateAccountPasswordPolicy(ctx context.Context, in *sdk.UpdateAccountPasswordPolicyInput) (*sdk.UpdateAccountPasswordPolicyOutput, error) {
	call := apigw.CallFrom(ctx)
	p := state.PasswordPolicy{RequireSymbols: in.RequireSymbols, RequireNumbers: in.RequireNumbers, RequireUppercase: in.RequireUppercaseCharacters,
		RequireLowercase: in.RequireLowercaseCharacters, AllowUsersToChangePassword: in.AllowUsersToChangePassword, HardExpiry: aws.ToBool(in.HardExpiry)}
	var err error
	if p.MinimumLength, err = between("minimumPasswordLength", in.MinimumPasswordLength, 6, 128, 6); err != nil {
		return nil, err
	}
	if p.MaxAgeDays, err = between("maxPasswordAge", in.MaxPasswordAge, 1, 1095, 0); err != nil {
		return nil, err
	}
	if p.ReusePrevention, err = between("passwordReusePrevention", in.PasswordReusePrevention, 1, 24, 0); err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	return &sdk.UpdateAccountPasswordPolicyOutput{}, s.change(ctx, command.SetPasswordPolicy{AccountID: call.Account, Policy: &p}, nil)
}

// GetAccountPasswordPolicy shows the account's password policy.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountPasswordPolicy.html
func (s *Service) GetAccountPasswordPolicy(ctx context.Context, _ *sdk.GetAccountPasswordPolicyInput) (*sdk.GetAccountPasswordPolicyOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	p := settings(v, call.Account).Passwords
	if p == nil {
		return nil, awserr.NoSuchEntity("The Password Policy with domain name %s cannot be found.", call.Account)
	}
	out := &types.PasswordPolicy{MinimumPasswordLength: aws.Int32(int32(p.MinimumLength)), RequireSymbols: p.RequireSymbols, RequireNumbers: p.RequireNumbers,
		RequireUppercaseCharacters: p.RequireUppercase, RequireLowercaseCharacters: p.RequireLowercase, AllowUsersToChangePassword: p.AllowUsersToChangePassword,
		ExpirePasswords: p.MaxAgeDays > 0, HardExpiry: aws.Bool(p.HardExpiry)}
	if p.MaxAgeDays > 0 {
		out.MaxPasswordAge = aws.Int32(int32(p.MaxAgeDays))
	}
	if p.ReusePrevention > 0 {
		out.PasswordReusePrevention = aws.Int32(int32(p.ReusePrevention))
	}
	return &sdk.GetAccountPasswordPolicyOutput{PasswordPolicy: out}, nil
}

// DeleteAccountPasswordPolicy removes the account's password policy.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountPasswordPolicy.html
func (s *Service) DeleteAccountPasswordPolicy(ctx context.Context, _ *sdk.DeleteAccountPasswordPolicyInput) (*sdk.DeleteAccountPasswordPolicyOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	return &sdk.DeleteAccountPasswordPolicyOutput{}, s.change(ctx, command.SetPasswordPolicy{AccountID: call.Account}, nil)
}

// GetAccountSummary counts what the account has, and says what it may have.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
func (s *Service) GetAccountSummary(ctx context.Context, _ *sdk.GetAccountSummaryInput) (*sdk.GetAccountSummaryOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	m := map[string]int32{
		"AccessKeysPerUserQuota": int32(v.SettingInt(state.SettingAccessKeys)), "AssumeRolePolicySizeQuota": 2048, "AttachedPoliciesPerGroupQuota": 10,
		"AttachedPoliciesPerRoleQuota": 10, "AttachedPoliciesPerUserQuota": 10, "GroupPolicySizeQuota": 5120, "GroupsPerUserQuota": 10, "PolicySizeQuota": 6144,
		"PolicyVersionsInUseQuota": 10000, "RolePolicySizeQuota": 10240, "UserPolicySizeQuota": 2048, "VersionsPerPolicyQuota": 5, "GlobalEndpointTokenVersion": 1,
		"AccountMFAEnabled": 0, "MFADevices": 0, "MFADevicesInUse": 0, "ServerCertificates": 0, "AccountSigningCertificatesPresent": 0,
		"AccountPasswordPresent": 0, "AccountAccessKeysPresent": 0,
	}
	for u := range state.Users.Of(v, call.Account) {
		if !u.Root {
			m["Users"]++
		}
	}
	for range state.AccessKeys.List(v, state.ByOwner, state.UserKey(call.Account, rootUser)) {
		m["AccountAccessKeysPresent"] = 1
	}
	for range state.IAMGroups.Of(v, call.Account) {
		m["Groups"]++
	}
	for range state.Roles.Of(v, call.Account) {
		m["Roles"]++
	}
	for range state.InstanceProfiles.Of(v, call.Account) {
		m["InstanceProfiles"]++
	}
	for range state.OIDCProviders.Of(v, call.Account) {
		m["Providers"]++
	}
	uses := v.PolicyUses(call.Account)
	for p := range state.ManagedPolicies.Of(v, call.Account) {
		m["Policies"]++
		if uses[p.ARN()].Attached > 0 {
			m["PolicyVersionsInUse"]++
		}
	}
	return &sdk.GetAccountSummaryOutput{SummaryMap: m}, nil
}
