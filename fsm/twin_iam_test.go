// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// identity draws something that happens in IAM. Few names, so that commands meet.
func (w *twins) identity(t *rapid.T, acct string) {
	name := rapid.SampledFrom([]string{"a", "b", "A"}).Draw(t, "name")
	other := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "other")
	off := rapid.Bool().Draw(t, "off")
	kind := rapid.SampledFrom([]command.IdentityKind{command.KindUser, command.KindGroup, command.KindRole}).Draw(t, "kind")
	policy := "arn:aws:iam::" + acct + ":policy/" + other
	arn := rapid.SampledFrom([]string{state.AdministratorAccess, policy, policy}).Draw(t, "arn")
	switch rapid.IntRange(0, 21).Draw(t, "identity") {
	case 0:
		w.apply(t, command.CreateUser{User: state.User{AccountID: acct, Name: name, Path: "/", ID: w.fresh("AIDA")}})
	case 1:
		w.apply(t, command.UpdateUser{AccountID: acct, Name: name, NewName: &other})
	case 2:
		w.apply(t, command.DeleteUser{AccountID: acct, Name: name})
	case 3:
		w.apply(t, command.CreateGroup{Group: state.IAMGroup{AccountID: acct, Name: name, Path: "/"}})
	case 4:
		w.apply(t, command.UpdateGroup{AccountID: acct, Name: name, NewName: &other})
	case 5:
		w.apply(t, command.DeleteGroup{AccountID: acct, Name: name})
	case 6, 7:
		w.apply(t, command.ChangeMembership{AccountID: acct, Group: other, User: name, Leave: off})
	case 8:
		w.apply(t, command.CreateRole{Role: state.Role{AccountID: acct, Name: name, Path: "/", Trust: "{}"}})
	case 9:
		w.apply(t, command.UpdateRole{AccountID: acct, Name: name, Description: &other, RevokeOlder: off})
	case 10:
		w.apply(t, command.DeleteRole{AccountID: acct, Name: name})
	case 11:
		w.apply(t, command.CreateInstanceProfile{Profile: state.InstanceProfile{AccountID: acct, Name: name, Path: "/"}})
	case 12:
		w.apply(t, command.SetProfileRole{AccountID: acct, Profile: name, Role: other, Remove: off})
	case 13:
		w.apply(t, command.DeleteInstanceProfile{AccountID: acct, Name: name})
	case 14:
		w.apply(t, command.CreateManagedPolicy{Policy: state.ManagedPolicy{AccountID: acct, Name: other, Path: "/"}, Document: "{}"})
	case 15:
		w.apply(t, command.CreatePolicyVersion{AccountID: acct, ARN: policy, Document: "{ }", SetDefault: off})
	case 16:
		w.apply(t, command.DeletePolicyVersion{AccountID: acct, ARN: policy, Version: rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "version")})
	case 17:
		w.apply(t, command.DeleteManagedPolicy{AccountID: acct, ARN: policy})
	case 18:
		w.apply(t, command.AttachPolicy{AccountID: acct, Kind: kind, Name: name, ARN: arn, Detach: off})
	case 19:
		w.apply(t, command.PutInlinePolicy{AccountID: acct, Kind: kind, Name: name, Policy: other, Document: strings.Repeat("x", rapid.SampledFrom([]int{1, 1500}).Draw(t, "size")), Remove: off})
	case 20:
		w.apply(t, command.SetBoundary{AccountID: acct, Kind: kind, Name: name, ARN: arn})
	default:
		hash := "argon"
		w.apply(t, command.SetLoginProfile{AccountID: acct, User: name, Create: !off, Remove: off, Hash: &hash})
	}
}

// identities checks that what hangs on a name has somebody of that name, and that nothing is attached that is gone.
func identities(t *rapid.T, v *state.View) {
	policies := func(account, who string, arns ...string) {
		for _, arn := range arns {
			if _, ok := state.ManagedPolicies.Get(v, account, arn); !ok && arn != "" && arn != state.AdministratorAccess {
				t.Fatalf("%s holds %s, which is gone", who, arn)
			}
		}
	}
	names := map[string]string{}
	for u := range state.Users.All(v) {
		if other, taken := names[u.AccountID+strings.ToLower(u.Name)]; taken {
			t.Fatalf("users %s and %s", other, u.Name)
		}
		names[u.AccountID+strings.ToLower(u.Name)] = u.Name
		policies(u.AccountID, u.Name, append(slices.Clone(u.Attached), u.Boundary)...)
		for _, g := range u.Groups {
			if _, ok := state.IAMGroups.Get(v, u.AccountID, state.IAMGroupKey(u.AccountID, g)); !ok {
				t.Fatalf("user %s is in the group %s, which is gone", u.Name, g)
			}
		}
	}
	for g := range state.IAMGroups.All(v) {
		policies(g.AccountID, g.Name, g.Attached...)
	}
	for r := range state.Roles.All(v) {
		policies(r.AccountID, r.Name, append(slices.Clone(r.Attached), r.Boundary)...)
	}
	for p := range state.InstanceProfiles.All(v) {
		if _, ok := state.Roles.Get(v, p.AccountID, state.RoleKey(p.AccountID, p.Role)); p.Role != "" && !ok {
			t.Fatalf("instance profile %s has the role %s, which is gone", p.Name, p.Role)
		}
	}
	for p := range state.LoginProfiles.All(v) {
		if _, ok := state.Users.Get(v, p.AccountID, state.UserKey(p.AccountID, p.UserName)); !ok {
			t.Fatalf("a password of %s, who is gone", p.UserName)
		}
	}
}
