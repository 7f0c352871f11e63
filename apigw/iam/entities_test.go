// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/hivecloud/hive/fsm/state"
)

// What AWS refuses, in its words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := furnished(t)
	worker, ctx := aws.String("worker"), w.ctx(alice, "")
	long := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"arn:aws:ec2:*:*:` + strings.Repeat("x", 2100) + `"}]}`)
	want := func(code, message, got string) {
		t.Helper()
		if !strings.Contains(got, message) {
			t.Errorf("%s says %q, want %q", code, got, message)
		}
	}
	want("exists", "User with name WORKER already exists.", refused(w, ctx, "EntityAlreadyExists", w.svc.CreateUser, &sdk.CreateUserInput{UserName: aws.String("WORKER")}))
	want("exists", "Group with name worker already exists.", refused(w, ctx, "EntityAlreadyExists", w.svc.CreateGroup, &sdk.CreateGroupInput{GroupName: worker}))
	want("exists", "Role with name worker already exists.", refused(w, ctx, "EntityAlreadyExists", w.svc.CreateRole, &sdk.CreateRoleInput{RoleName: worker, AssumeRolePolicyDocument: aws.String(trust)}))
	want("exists", "A policy called pol already exists. Duplicate names are not allowed.", refused(w, ctx, "EntityAlreadyExists", w.svc.CreatePolicy, &sdk.CreatePolicyInput{PolicyName: aws.String("pol"), PolicyDocument: aws.String(permit)}))
	want("exists", "Instance Profile worker already exists.", refused(w, ctx, "EntityAlreadyExists", w.svc.CreateInstanceProfile, &sdk.CreateInstanceProfileInput{InstanceProfileName: worker}))
	want("missing", "The user with name nobody cannot be found.", refused(w, ctx, "NoSuchEntity", w.svc.GetUser, &sdk.GetUserInput{UserName: aws.String("nobody")}))
	want("missing", "The role with name nobody cannot be found.", refused(w, ctx, "NoSuchEntity", w.svc.GetRole, &sdk.GetRoleInput{RoleName: aws.String("nobody")}))
	want("missing", "does not exist or is not attachable", refused(w, ctx, "NoSuchEntity", w.svc.AttachUserPolicy, &sdk.AttachUserPolicyInput{UserName: worker, PolicyArn: aws.String("arn:aws:iam::aws:policy/Nothing")}))
	want("missing", "The user policy with name nothing cannot be found.", refused(w, ctx, "NoSuchEntity", w.svc.GetUserPolicy, &sdk.GetUserPolicyInput{UserName: worker, PolicyName: aws.String("nothing")}))
	want("conflict", "Cannot delete entity, must delete login profile first.", refused(w, ctx, "DeleteConflict", w.svc.DeleteUser, &sdk.DeleteUserInput{UserName: worker}))
	want("conflict", "Cannot delete entity, must remove users from group first.", refused(w, ctx, "DeleteConflict", w.svc.DeleteGroup, &sdk.DeleteGroupInput{GroupName: worker}))
	want("conflict", "Cannot delete entity, must remove roles from instance profile first.", refused(w, ctx, "DeleteConflict", w.svc.DeleteRole, &sdk.DeleteRoleInput{RoleName: worker}))
	want("conflict", "Cannot delete entity, must remove roles from instance profile first.", refused(w, ctx, "DeleteConflict", w.svc.DeleteInstanceProfile, &sdk.DeleteInstanceProfileInput{InstanceProfileName: worker}))
	want("conflict", "Cannot delete a policy attached to entities.", refused(w, ctx, "DeleteConflict", w.svc.DeletePolicy, &sdk.DeletePolicyInput{PolicyArn: aws.String(policyOf)}))
	want("conflict", "Cannot delete the default version of a policy.", refused(w, ctx, "DeleteConflict", w.svc.DeletePolicyVersion, &sdk.DeletePolicyVersionInput{PolicyArn: aws.String(policyOf), VersionId: aws.String("v1")}))
	want("limit", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", refused(w, ctx, "LimitExceeded", w.svc.AddRoleToInstanceProfile, &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: worker, RoleName: aws.String("spare")}))
	want("limit", "Maximum policy size of 2048 bytes exceeded for user worker", refused(w, ctx, "LimitExceeded", w.svc.PutUserPolicy, &sdk.PutUserPolicyInput{UserName: worker, PolicyName: aws.String("long"), PolicyDocument: long}))
	for range 3 {
		do(w, ctx, w.svc.CreatePolicyVersion, &sdk.CreatePolicyVersionInput{PolicyArn: aws.String(policyOf), PolicyDocument: aws.String(permit)})
	}
	want("limit", "A managed policy can have up to 5 versions.", refused(w, ctx, "LimitExceeded", w.svc.CreatePolicyVersion, &sdk.CreatePolicyVersionInput{PolicyArn: aws.String(policyOf), PolicyDocument: aws.String(permit)}))
	want("malformed", "", refused(w, ctx, "MalformedPolicyDocument", w.svc.PutRolePolicy, &sdk.PutRolePolicyInput{RoleName: worker, PolicyName: aws.String("bad"), PolicyDocument: aws.String(`{"Statement":[{"Effect":"Maybe"}]}`)}))
	want("malformed", "", refused(w, ctx, "MalformedPolicyDocument", w.svc.CreateRole, &sdk.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(permit)}))
	want("name", "The specified value for userName is invalid.", refused(w, ctx, "ValidationError", w.svc.CreateUser, &sdk.CreateUserInput{UserName: aws.String("a b")}))
	want("null", "Member must not be null", refused(w, ctx, "ValidationError", w.svc.CreateUser, &sdk.CreateUserInput{}))
	want("path", "must begin and end with /", refused(w, ctx, "ValidationError", w.svc.CreateUser, &sdk.CreateUserInput{UserName: aws.String("p"), Path: aws.String("x")}))
	want("session", "between 3600 and 43200", refused(w, ctx, "ValidationError", w.svc.UpdateRole, &sdk.UpdateRoleInput{RoleName: worker, MaxSessionDuration: aws.Int32(60)}))
	want("password", "minimum length", refused(w, ctx, "PasswordPolicyViolation", w.svc.UpdateLoginProfile, &sdk.UpdateLoginProfileInput{UserName: worker, Password: aws.String("a")}))
	refused(w, ctx, "AccessDenied", w.svc.DeletePolicy, &sdk.DeletePolicyInput{PolicyArn: aws.String(readOnly)})
	refused(w, w.ctx(bob, ""), "EntityAlreadyExists", w.svc.CreateAccountAlias, &sdk.CreateAccountAliasInput{AccountAlias: aws.String("acme")})
}

// A renamed user keeps keys, groups, password and policies.
func TestUpdateUser_TakesAllAlong(t *testing.T) {
	t.Parallel()
	w := furnished(t)
	ctx, worker, renamed := w.ctx(alice, ""), aws.String("worker"), aws.String("renamed")
	do(w, ctx, w.svc.CreateAccessKey, &sdk.CreateAccessKeyInput{UserName: worker})
	do(w, ctx, w.svc.UpdateUser, &sdk.UpdateUserInput{UserName: worker, NewUserName: renamed, NewPath: aws.String("/ops/")})
	u := do(w, ctx, w.svc.GetUser, &sdk.GetUserInput{UserName: renamed}).User
	if *u.Arn != "arn:aws:iam::"+alice+":user/ops/renamed" || *u.PermissionsBoundary.PermissionsBoundaryArn != readOnly {
		t.Errorf("renamed: %+v", u)
	}
	refused(w, ctx, "NoSuchEntity", w.svc.GetUser, &sdk.GetUserInput{UserName: worker})
	if got := do(w, ctx, w.svc.ListAccessKeys, &sdk.ListAccessKeysInput{UserName: renamed}); len(got.AccessKeyMetadata) != 1 {
		t.Errorf("keys: %v", got.AccessKeyMetadata)
	}
	if got := do(w, ctx, w.svc.GetGroup, &sdk.GetGroupInput{GroupName: worker}); len(got.Users) != 1 || *got.Users[0].UserName != "renamed" {
		t.Errorf("group: %v", got.Users)
	}
	do(w, ctx, w.svc.GetLoginProfile, &sdk.GetLoginProfileInput{UserName: renamed})
	if got := do(w, ctx, w.svc.ListAttachedUserPolicies, &sdk.ListAttachedUserPoliciesInput{UserName: renamed}); len(got.AttachedPolicies) != 1 || *got.AttachedPolicies[0].PolicyName != "pol" {
		t.Errorf("policies: %v", got.AttachedPolicies)
	}
}

// An administrator of a region that was made before has AdministratorAccess attached like anybody else.
func TestAdministrators_HoldAPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, admin := w.ctx(alice, ""), aws.String("admin")
	got := do(w, ctx, w.svc.ListAttachedUserPolicies, &sdk.ListAttachedUserPoliciesInput{UserName: admin}).AttachedPolicies
	if len(got) != 1 || *got[0].PolicyArn != state.AdministratorAccess {
		t.Fatalf("attached: %+v", got)
	}
	do(w, ctx, w.svc.DetachUserPolicy, &sdk.DetachUserPolicyInput{UserName: admin, PolicyArn: got[0].PolicyArn})
	if row, _ := state.Users.Get(w.region.FSM.View(), alice, state.UserKey(alice, "admin")); row.Admin || len(row.AttachedTo()) != 0 {
		t.Errorf("after the detachment: %+v", row)
	}
	do(w, ctx, w.svc.DeleteUser, &sdk.DeleteUserInput{UserName: admin})
}

// Documents come back as they were given, percent-encoded; pages go on where they ended.
func TestDocumentsAndPages(t *testing.T) {
	t.Parallel()
	w := furnished(t)
	ctx := w.ctx(alice, "")
	v := do(w, ctx, w.svc.GetPolicyVersion, &sdk.GetPolicyVersionInput{PolicyArn: aws.String(policyOf), VersionId: aws.String("v2")}).PolicyVersion
	if text, err := url.PathUnescape(*v.Document); err != nil || text != permit || v.IsDefaultVersion || strings.ContainsAny(*v.Document, "+{\"") {
		t.Errorf("document %s (%v)", *v.Document, err)
	}
	versions := do(w, ctx, w.svc.ListPolicyVersions, &sdk.ListPolicyVersionsInput{PolicyArn: aws.String(policyOf)}).Versions
	if len(versions) != 2 || *versions[0].VersionId != "v2" || *versions[1].VersionId != "v1" {
		t.Errorf("versions, the newest first: %+v", versions)
	}
	var names []string
	for marker := (*string)(nil); ; {
		page := do(w, ctx, w.svc.ListUsers, &sdk.ListUsersInput{MaxItems: aws.Int32(1), Marker: marker})
		for _, u := range page.Users {
			names = append(names, *u.UserName)
		}
		if !page.IsTruncated {
			break
		}
		marker = page.Marker
	}
	if strings.Join(names, " ") != "admin spare worker" {
		t.Errorf("users over pages: %v", names)
	}
	report := string(do(w, ctx, w.svc.GetCredentialReport, &sdk.GetCredentialReportInput{}).Content)
	if lines := strings.Split(strings.TrimSpace(report), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[1], "<root_account>,arn:aws:iam::"+alice+":root,") || strings.Count(lines[2], ",") != strings.Count(lines[0], ",") {
		t.Errorf("report:\n%s", report)
	}
	details := do(w, ctx, w.svc.GetAccountAuthorizationDetails, &sdk.GetAccountAuthorizationDetailsInput{})
	if len(details.UserDetailList) != 3 || len(details.RoleDetailList) != 2 || len(details.GroupDetailList) != 2 || len(details.Policies) != 3 {
		t.Errorf("details: %d users, %d roles, %d groups, %d policies", len(details.UserDetailList), len(details.RoleDetailList), len(details.GroupDetailList), len(details.Policies))
	}
	results := do(w, ctx, w.svc.SimulatePrincipalPolicy, &sdk.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::" + alice + ":user/worker"),
		ActionNames: []string{"ec2:DescribeInstances", "ec2:RunInstances"}}).EvaluationResults
	if len(results) != 2 || results[0].EvalDecision != "implicitDeny" || !slices.Contains(results[0].MissingContextValues, "aws:SecureTransport") || results[0].PermissionsBoundaryDecisionDetail == nil || results[1].EvalDecision != "implicitDeny" {
		t.Errorf("simulated: %+v", results)
	}
}
