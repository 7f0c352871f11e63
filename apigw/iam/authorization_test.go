// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// trust lets the account itself assume a role.
const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole"}]}`

// permit is a small policy.
const permit = `{"Version":"2012-10-17","Statement":[{"Sid":"One","Effect":"Allow","Action":"ec2:Describe*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}`

const (
	policyOf   = "arn:aws:iam::111111111111:policy/pol"
	spareOf    = "arn:aws:iam::111111111111:policy/spare"
	readOnly   = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	providerOf = "arn:aws:iam::111111111111:oidc-provider/id.example.com/a"
)

var (
	some   = []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
	prefix = aws.String("/none/")
)

// furnished is a world with one of everything: full ones (worker, app, ops, prof, pol), and spare ones that can be deleted.
func furnished(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	ctx := func() context.Context { return w.ctx(alice, "") }
	for _, name := range []string{"worker", "spare"} {
		do(w, ctx(), w.svc.CreateUser, &sdk.CreateUserInput{UserName: &name, PermissionsBoundary: aws.String(readOnly)})
		do(w, ctx(), w.svc.CreateGroup, &sdk.CreateGroupInput{GroupName: &name})
		do(w, ctx(), w.svc.CreateRole, &sdk.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust), PermissionsBoundary: aws.String(readOnly)})
		do(w, ctx(), w.svc.CreateInstanceProfile, &sdk.CreateInstanceProfileInput{InstanceProfileName: &name})
	}
	for _, name := range []string{"pol", "spare"} {
		do(w, ctx(), w.svc.CreatePolicy, &sdk.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(permit)})
	}
	do(w, ctx(), w.svc.CreatePolicyVersion, &sdk.CreatePolicyVersionInput{PolicyArn: aws.String(policyOf), PolicyDocument: aws.String(permit)})
	worker := aws.String("worker")
	do(w, ctx(), w.svc.AddUserToGroup, &sdk.AddUserToGroupInput{GroupName: worker, UserName: worker})
	do(w, ctx(), w.svc.AddRoleToInstanceProfile, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: worker, RoleName: worker})
	do(w, ctx(), w.svc.AttachUserPolicy, &sdk.AttachUserPolicyInput{UserName: worker, PolicyArn: aws.String(policyOf)})
	do(w, ctx(), w.svc.AttachGroupPolicy, &sdk.AttachGroupPolicyInput{GroupName: worker, PolicyArn: aws.String(policyOf)})
	do(w, ctx(), w.svc.AttachRolePolicy, &sdk.AttachRolePolicyInput{RoleName: worker, PolicyArn: aws.String(policyOf)})
	do(w, ctx(), w.svc.PutUserPolicy, &sdk.PutUserPolicyInput{UserName: worker, PolicyName: aws.String("in"), PolicyDocument: aws.String(permit)})
	do(w, ctx(), w.svc.PutGroupPolicy, &sdk.PutGroupPolicyInput{GroupName: worker, PolicyName: aws.String("in"), PolicyDocument: aws.String(permit)})
	do(w, ctx(), w.svc.PutRolePolicy, &sdk.PutRolePolicyInput{RoleName: worker, PolicyName: aws.String("in"), PolicyDocument: aws.String(permit)})
	hash := "$argon2id$" // a real one takes a third of a second
	if err := w.region.Propose(t.Context(), command.SetLoginProfile{AccountID: alice, User: "worker", Create: true, Hash: &hash}, nil); err != nil {
		t.Fatal(err)
	}
	do(w, ctx(), w.svc.CreateAccountAlias, &sdk.CreateAccountAliasInput{AccountAlias: aws.String("acme")})
	do(w, ctx(), w.svc.UpdateAccountPasswordPolicy, &sdk.UpdateAccountPasswordPolicyInput{})
	do(w, ctx(), w.svc.CreateOpenIDConnectProvider, &sdk.CreateOpenIDConnectProviderInput{Url: aws.String("https://id.example.com/a"), ClientIDList: []string{"one"}})
	return w
}

// inputs are one input of each action that succeeds in a furnished world for who may. The inputs of access keys get the
// id of a key of admin.
var inputs = map[string]any{
	"CreateAccessKey":                         &sdk.CreateAccessKeyInput{UserName: aws.String("worker")},
	"UpdateAccessKey":                         &sdk.UpdateAccessKeyInput{UserName: aws.String("worker"), Status: "Inactive"},
	"DeleteAccessKey":                         &sdk.DeleteAccessKeyInput{UserName: aws.String("worker")},
	"GetAccessKeyLastUsed":                    &sdk.GetAccessKeyLastUsedInput{},
	"ListAccessKeys":                          &sdk.ListAccessKeysInput{UserName: aws.String("worker")},
	"CreateUser":                              &sdk.CreateUserInput{UserName: aws.String("new"), Path: aws.String("/p/"), PermissionsBoundary: aws.String(readOnly), Tags: some},
	"GetUser":                                 &sdk.GetUserInput{UserName: aws.String("worker")},
	"ListUsers":                               &sdk.ListUsersInput{PathPrefix: prefix},
	"UpdateUser":                              &sdk.UpdateUserInput{UserName: aws.String("worker"), NewUserName: aws.String("w2"), NewPath: aws.String("/x/")},
	"DeleteUser":                              &sdk.DeleteUserInput{UserName: aws.String("spare")},
	"CreateGroup":                             &sdk.CreateGroupInput{GroupName: aws.String("new"), Path: aws.String("/p/")},
	"GetGroup":                                &sdk.GetGroupInput{GroupName: aws.String("worker")},
	"ListGroups":                              &sdk.ListGroupsInput{PathPrefix: prefix},
	"UpdateGroup":                             &sdk.UpdateGroupInput{GroupName: aws.String("worker"), NewGroupName: aws.String("w2"), NewPath: aws.String("/x/")},
	"DeleteGroup":                             &sdk.DeleteGroupInput{GroupName: aws.String("spare")},
	"AddUserToGroup":                          &sdk.AddUserToGroupInput{GroupName: aws.String("spare"), UserName: aws.String("worker")},
	"RemoveUserFromGroup":                     &sdk.RemoveUserFromGroupInput{GroupName: aws.String("worker"), UserName: aws.String("worker")},
	"ListGroupsForUser":                       &sdk.ListGroupsForUserInput{UserName: aws.String("worker")},
	"CreateRole":                              &sdk.CreateRoleInput{RoleName: aws.String("new"), Path: aws.String("/p/"), AssumeRolePolicyDocument: aws.String(trust), Description: aws.String("d"), MaxSessionDuration: aws.Int32(7200), PermissionsBoundary: aws.String(readOnly), Tags: some},
	"GetRole":                                 &sdk.GetRoleInput{RoleName: aws.String("worker")},
	"ListRoles":                               &sdk.ListRolesInput{PathPrefix: prefix},
	"UpdateRole":                              &sdk.UpdateRoleInput{RoleName: aws.String("worker"), Description: aws.String("d"), MaxSessionDuration: aws.Int32(7200)},
	"UpdateRoleDescription":                   &sdk.UpdateRoleDescriptionInput{RoleName: aws.String("worker"), Description: aws.String("d")},
	"UpdateAssumeRolePolicy":                  &sdk.UpdateAssumeRolePolicyInput{RoleName: aws.String("worker"), PolicyDocument: aws.String(trust)},
	"DeleteRole":                              &sdk.DeleteRoleInput{RoleName: aws.String("spare")},
	"CreateInstanceProfile":                   &sdk.CreateInstanceProfileInput{InstanceProfileName: aws.String("new"), Path: aws.String("/p/"), Tags: some},
	"GetInstanceProfile":                      &sdk.GetInstanceProfileInput{InstanceProfileName: aws.String("worker")},
	"ListInstanceProfiles":                    &sdk.ListInstanceProfilesInput{PathPrefix: prefix},
	"ListInstanceProfilesForRole":             &sdk.ListInstanceProfilesForRoleInput{RoleName: aws.String("worker")},
	"AddRoleToInstanceProfile":                &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("spare"), RoleName: aws.String("worker")},
	"RemoveRoleFromInstanceProfile":           &sdk.RemoveRoleFromInstanceProfileInput{InstanceProfileName: aws.String("worker"), RoleName: aws.String("worker")},
	"DeleteInstanceProfile":                   &sdk.DeleteInstanceProfileInput{InstanceProfileName: aws.String("spare")},
	"CreatePolicy":                            &sdk.CreatePolicyInput{PolicyName: aws.String("new"), Path: aws.String("/p/"), PolicyDocument: aws.String(permit), Description: aws.String("d"), Tags: some},
	"GetPolicy":                               &sdk.GetPolicyInput{PolicyArn: aws.String(policyOf)},
	"ListPolicies":                            &sdk.ListPoliciesInput{Scope: "Local", OnlyAttached: true, PathPrefix: prefix, PolicyUsageFilter: "PermissionsBoundary"},
	"DeletePolicy":                            &sdk.DeletePolicyInput{PolicyArn: aws.String(spareOf)},
	"CreatePolicyVersion":                     &sdk.CreatePolicyVersionInput{PolicyArn: aws.String(policyOf), PolicyDocument: aws.String(permit), SetAsDefault: true},
	"GetPolicyVersion":                        &sdk.GetPolicyVersionInput{PolicyArn: aws.String(policyOf), VersionId: aws.String("v2")},
	"ListPolicyVersions":                      &sdk.ListPolicyVersionsInput{PolicyArn: aws.String(policyOf)},
	"SetDefaultPolicyVersion":                 &sdk.SetDefaultPolicyVersionInput{PolicyArn: aws.String(policyOf), VersionId: aws.String("v2")},
	"DeletePolicyVersion":                     &sdk.DeletePolicyVersionInput{PolicyArn: aws.String(policyOf), VersionId: aws.String("v2")},
	"ListEntitiesForPolicy":                   &sdk.ListEntitiesForPolicyInput{PolicyArn: aws.String(policyOf), EntityFilter: "User", PathPrefix: prefix, PolicyUsageFilter: "PermissionsBoundary"},
	"CreateAccountAlias":                      &sdk.CreateAccountAliasInput{AccountAlias: aws.String("other")},
	"DeleteAccountAlias":                      &sdk.DeleteAccountAliasInput{AccountAlias: aws.String("acme")},
	"ListAccountAliases":                      &sdk.ListAccountAliasesInput{},
	"GetAccountSummary":                       &sdk.GetAccountSummaryInput{},
	"UpdateAccountPasswordPolicy":             &sdk.UpdateAccountPasswordPolicyInput{MinimumPasswordLength: aws.Int32(12), RequireSymbols: true},
	"GetAccountPasswordPolicy":                &sdk.GetAccountPasswordPolicyInput{},
	"DeleteAccountPasswordPolicy":             &sdk.DeleteAccountPasswordPolicyInput{},
	"CreateLoginProfile":                      &sdk.CreateLoginProfileInput{UserName: aws.String("spare"), Password: aws.String("Correct-Horse1"), PasswordResetRequired: true},
	"GetLoginProfile":                         &sdk.GetLoginProfileInput{UserName: aws.String("worker")},
	"UpdateLoginProfile":                      &sdk.UpdateLoginProfileInput{UserName: aws.String("worker"), PasswordResetRequired: aws.Bool(true)},
	"DeleteLoginProfile":                      &sdk.DeleteLoginProfileInput{UserName: aws.String("worker")},
	"CreateOpenIDConnectProvider":             &sdk.CreateOpenIDConnectProviderInput{Url: aws.String("https://other.example.com"), ClientIDList: []string{"one"}, Tags: some},
	"GetOpenIDConnectProvider":                &sdk.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerOf)},
	"ListOpenIDConnectProviders":              &sdk.ListOpenIDConnectProvidersInput{},
	"DeleteOpenIDConnectProvider":             &sdk.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerOf)},
	"AddClientIDToOpenIDConnectProvider":      &sdk.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerOf), ClientID: aws.String("two")},
	"RemoveClientIDFromOpenIDConnectProvider": &sdk.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerOf), ClientID: aws.String("one")},
	"UpdateOpenIDConnectProviderThumbprint":   &sdk.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: aws.String(providerOf), ThumbprintList: []string{"0123456789abcdef0123456789abcdef01234567"}},
	"GenerateCredentialReport":                &sdk.GenerateCredentialReportInput{},
	"GetCredentialReport":                     &sdk.GetCredentialReportInput{},
	"GetAccountAuthorizationDetails":          &sdk.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{"User"}},
	"SimulatePrincipalPolicy":                 &sdk.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::111111111111:user/worker"), ActionNames: []string{"ec2:DescribeInstances"}},
	"SimulateCustomPolicy":                    &sdk.SimulateCustomPolicyInput{PolicyInputList: []string{permit}, ActionNames: []string{"ec2:DescribeInstances"}},
	"GetContextKeysForCustomPolicy":           &sdk.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{permit}},
	"GetContextKeysForPrincipalPolicy":        &sdk.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::111111111111:user/worker")},
	"AttachUserPolicy":                        &sdk.AttachUserPolicyInput{UserName: aws.String("worker"), PolicyArn: aws.String(spareOf)},
	"DetachUserPolicy":                        &sdk.DetachUserPolicyInput{UserName: aws.String("worker"), PolicyArn: aws.String(policyOf)},
	"ListAttachedUserPolicies":                &sdk.ListAttachedUserPoliciesInput{UserName: aws.String("worker"), PathPrefix: prefix},
	"PutUserPolicy":                           &sdk.PutUserPolicyInput{UserName: aws.String("worker"), PolicyName: aws.String("other"), PolicyDocument: aws.String(permit)},
	"GetUserPolicy":                           &sdk.GetUserPolicyInput{UserName: aws.String("worker"), PolicyName: aws.String("in")},
	"DeleteUserPolicy":                        &sdk.DeleteUserPolicyInput{UserName: aws.String("worker"), PolicyName: aws.String("in")},
	"ListUserPolicies":                        &sdk.ListUserPoliciesInput{UserName: aws.String("worker")},
	"PutUserPermissionsBoundary":              &sdk.PutUserPermissionsBoundaryInput{UserName: aws.String("worker"), PermissionsBoundary: aws.String(policyOf)},
	"DeleteUserPermissionsBoundary":           &sdk.DeleteUserPermissionsBoundaryInput{UserName: aws.String("worker")},
	"AttachGroupPolicy":                       &sdk.AttachGroupPolicyInput{GroupName: aws.String("worker"), PolicyArn: aws.String(spareOf)},
	"DetachGroupPolicy":                       &sdk.DetachGroupPolicyInput{GroupName: aws.String("worker"), PolicyArn: aws.String(policyOf)},
	"ListAttachedGroupPolicies":               &sdk.ListAttachedGroupPoliciesInput{GroupName: aws.String("worker"), PathPrefix: prefix},
	"PutGroupPolicy":                          &sdk.PutGroupPolicyInput{GroupName: aws.String("worker"), PolicyName: aws.String("other"), PolicyDocument: aws.String(permit)},
	"GetGroupPolicy":                          &sdk.GetGroupPolicyInput{GroupName: aws.String("worker"), PolicyName: aws.String("in")},
	"DeleteGroupPolicy":                       &sdk.DeleteGroupPolicyInput{GroupName: aws.String("worker"), PolicyName: aws.String("in")},
	"ListGroupPolicies":                       &sdk.ListGroupPoliciesInput{GroupName: aws.String("worker")},
	"AttachRolePolicy":                        &sdk.AttachRolePolicyInput{RoleName: aws.String("worker"), PolicyArn: aws.String(spareOf)},
	"DetachRolePolicy":                        &sdk.DetachRolePolicyInput{RoleName: aws.String("worker"), PolicyArn: aws.String(policyOf)},
	"ListAttachedRolePolicies":                &sdk.ListAttachedRolePoliciesInput{RoleName: aws.String("worker"), PathPrefix: prefix},
	"PutRolePolicy":                           &sdk.PutRolePolicyInput{RoleName: aws.String("worker"), PolicyName: aws.String("other"), PolicyDocument: aws.String(permit)},
	"GetRolePolicy":                           &sdk.GetRolePolicyInput{RoleName: aws.String("worker"), PolicyName: aws.String("in")},
	"DeleteRolePolicy":                        &sdk.DeleteRolePolicyInput{RoleName: aws.String("worker"), PolicyName: aws.String("in")},
	"ListRolePolicies":                        &sdk.ListRolePoliciesInput{RoleName: aws.String("worker")},
	"PutRolePermissionsBoundary":              &sdk.PutRolePermissionsBoundaryInput{RoleName: aws.String("worker"), PermissionsBoundary: aws.String(policyOf)},
	"DeleteRolePermissionsBoundary":           &sdk.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("worker")},
	"TagUser":                                 &sdk.TagUserInput{UserName: aws.String("worker"), Tags: some},
	"UntagUser":                               &sdk.UntagUserInput{UserName: aws.String("worker"), TagKeys: []string{"team"}},
	"ListUserTags":                            &sdk.ListUserTagsInput{UserName: aws.String("worker")},
	"TagRole":                                 &sdk.TagRoleInput{RoleName: aws.String("worker"), Tags: some},
	"UntagRole":                               &sdk.UntagRoleInput{RoleName: aws.String("worker"), TagKeys: []string{"team"}},
	"ListRoleTags":                            &sdk.ListRoleTagsInput{RoleName: aws.String("worker")},
	"TagPolicy":                               &sdk.TagPolicyInput{PolicyArn: aws.String(policyOf), Tags: some},
	"UntagPolicy":                             &sdk.UntagPolicyInput{PolicyArn: aws.String(policyOf), TagKeys: []string{"team"}},
	"ListPolicyTags":                          &sdk.ListPolicyTagsInput{PolicyArn: aws.String(policyOf)},
	"TagInstanceProfile":                      &sdk.TagInstanceProfileInput{InstanceProfileName: aws.String("worker"), Tags: some},
	"UntagInstanceProfile":                    &sdk.UntagInstanceProfileInput{InstanceProfileName: aws.String("worker"), TagKeys: []string{"team"}},
	"ListInstanceProfileTags":                 &sdk.ListInstanceProfileTagsInput{InstanceProfileName: aws.String("worker")},
	"TagOpenIDConnectProvider":                &sdk.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerOf), Tags: some},
	"UntagOpenIDConnectProvider":              &sdk.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerOf), TagKeys: []string{"team"}},
	"ListOpenIDConnectProviderTags":           &sdk.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: aws.String(providerOf)},
}

// input is a copy of an action's input; the inputs of access keys name a key.
func input(t *testing.T, action, key string) reflect.Value {
	t.Helper()
	given, ok := inputs[action]
	if !ok {
		t.Fatalf("there is no input of %s", action)
	}
	in := reflect.New(reflect.TypeOf(given).Elem())
	in.Elem().Set(reflect.ValueOf(given).Elem())
	if f := in.Elem().FieldByName("AccessKeyId"); f.IsValid() {
		f.Set(reflect.ValueOf(&key))
	}
	return in
}

// invoke calls an action by its name.
func invoke(ctx context.Context, svc *Service, action string, in reflect.Value) (any, error) {
	out := reflect.ValueOf(svc).MethodByName(action).Call([]reflect.Value{reflect.ValueOf(ctx), in})
	err, _ := out[1].Interface().(error)
	return out[0].Interface(), err
}

// counting counts what is proposed.
type counting struct {
	Region
	n int
}

func (c *counting) Propose(ctx context.Context, cmd command.Command, result any) error {
	c.n++
	return c.Region.Propose(ctx, cmd, result)
}

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{Name: "iam", Actions: slices.Sorted(maps.Keys(Members)), Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
		w := furnished(t)
		key := do(w, w.ctx(alice, ""), w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: aws.String("worker")}).AccessKey.AccessKeyId
		region := &counting{Region: w.region}
		svc, err := New(Config{Region: region, Sealer: w.ring})
		if err != nil {
			t.Fatal(err)
		}
		ctx := w.ctx(alice, "admin")
		call := apigw.CallFrom(ctx)
		call.Action = action
		_, err = invoke(apigw.WithCall(ctx, call, apigw.CallConfig{Authorizer: a, Tokens: w.tokens}), svc, action, input(t, action, *key))
		return region.n, err
	}}.Test(t)
}

// The other account sees and changes nothing by any of these calls.
func TestEveryActionIsOfOneAccount(t *testing.T) {
	t.Parallel()
	w := furnished(t)
	key := do(w, w.ctx(alice, ""), w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: aws.String("worker")}).AccessKey.AccessKeyId
	before := w.region.FSM.View()
	for _, action := range slices.Sorted(maps.Keys(inputs)) {
		out, err := invoke(w.ctx(bob, ""), w.svc, action, input(t, action, *key))
		if text := fmt.Sprintf("%+v", dump(out)); err == nil && action != "CreateRole" && (strings.Contains(text, "worker") || strings.Contains(text, alice)) {
			t.Errorf("%s by another account answers %s", action, text)
		}
	}
	after := w.region.FSM.View()
	for _, account := range []string{alice} {
		if a, b := rows(before, account), rows(after, account); a != b {
			t.Errorf("the calls of another account changed this one:\n%s\n%s", a, b)
		}
	}
}

// dump is an answer as JSON.
func dump(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// rows are an account's rows of IAM.
func rows(v *state.View, account string) string {
	return dump([]any{slices.Collect(state.Users.Of(v, account)), slices.Collect(state.IAMGroups.Of(v, account)), slices.Collect(state.Roles.Of(v, account)),
		slices.Collect(state.InstanceProfiles.Of(v, account)), slices.Collect(state.ManagedPolicies.Of(v, account)), slices.Collect(state.LoginProfiles.Of(v, account)),
		slices.Collect(state.OIDCProviders.Of(v, account)), settings(v, account), slices.Collect(state.AccessKeys.Of(v, account))})
}
