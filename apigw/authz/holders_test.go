// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"context"
	"testing"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/state"
)

// rows is a region whose state holds just these rows.
type rows struct{ store *state.Store }

func (r rows) View(context.Context) (*state.View, error) { return r.store.View(), nil }

func allowing(action string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*"}}`
}

const customer = "arn:aws:iam::111111111111:policy/team/own"

// identities fills a state: bob with policies of every kind, a group, a role, a policy of the account.
func identities(t *testing.T) rows {
	t.Helper()
	store := state.NewStore()
	tx := store.Begin()
	state.Users.Put(tx, &state.User{AccountID: account, Name: "bob", ID: "AIDABOB", Path: "/", Inline: []state.InlinePolicy{{Name: "own", Document: allowing("s3:GetObject")}},
		Attached: []string{"arn:aws:iam::aws:policy/IAMReadOnlyAccess", "arn:aws:iam::111111111111:policy/gone"}, Groups: []string{"devs", "gone"}, Tags: map[string]string{"team": "blue"}})
	state.Users.Put(tx, &state.User{AccountID: account, Name: "bounded", ID: "AIDABOUND", Path: "/", Admin: true, Boundary: customer})
	state.Users.Put(tx, &state.User{AccountID: account, Name: "lost", ID: "AIDALOST", Path: "/", Admin: true, Boundary: "arn:aws:iam::111111111111:policy/gone"})
	state.IAMGroups.Put(tx, &state.IAMGroup{AccountID: account, Name: "devs", ID: "AGPADEVS", Path: "/", Attached: []string{customer}, Inline: []state.InlinePolicy{{Name: "in", Document: allowing("sts:AssumeRole")}}})
	state.Roles.Put(tx, &state.Role{AccountID: account, Name: "worker", ID: "AROAWORKER", Path: "/jobs/", Attached: []string{customer}, Boundary: "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess", Tags: map[string]string{"team": "red"}})
	state.ManagedPolicies.Put(tx, &state.ManagedPolicy{AccountID: account, ID: "ANPAOWN", Name: "own", Path: "/team/", Default: "v2",
		Versions: []state.PolicyVersion{{ID: "v1", Document: allowing("iam:*")}, {ID: "v2", Document: allowing("ec2:*")}}})
	tx.Commit()
	return rows{store}
}

func TestStatePolicies_UsersGroupsAndRoles(t *testing.T) {
	t.Parallel()
	region := identities(t)
	policies, err := NewStatePolicies(region)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) apigw.Principal {
		return apigw.Principal{AccountID: account, UserName: name, ARN: "arn:aws:iam::" + account + ":user/" + name, Type: apigw.PrincipalUser}
	}
	session := func(id string) apigw.Principal {
		return apigw.Principal{AccountID: account, ARN: "arn:aws:sts::" + account + ":assumed-role/worker/s", UserID: id + ":s", Type: apigw.PrincipalAssumedRole,
			Session: &apigw.Session{RoleARN: "arn:aws:iam::" + account + ":role/jobs/worker", RoleID: id, Name: "s"}}
	}
	for _, c := range []struct {
		name   string
		who    apigw.Principal
		action string
		want   bool
		reason policy.LayerName
	}{
		{"inline", named("bob"), "s3:GetObject", true, ""},
		{"AWS's policy", named("bob"), "iam:GetUser", true, ""},
		{"the default version of a group's policy", named("bob"), "ec2:RunInstances", true, ""},
		{"not an older version", named("bob"), "iam:CreateUser", false, policy.LayerIdentity},
		{"inline of the group", named("bob"), "sts:AssumeRole", true, ""},
		{"a boundary bounds an administrator", named("bounded"), "iam:CreateUser", false, policy.LayerBoundary},
		{"and lets through what it allows", named("bounded"), "ec2:RunInstances", true, ""},
		{"a boundary that is gone allows nothing", named("lost"), "ec2:RunInstances", false, policy.LayerBoundary},
		{"nobody", named("nobody"), "ec2:DescribeInstances", false, policy.LayerIdentity},
		{"role", session("AROAWORKER"), "ec2:DescribeInstances", true, ""},
		{"role beyond its boundary", session("AROAWORKER"), "ec2:RunInstances", false, policy.LayerBoundary},
		{"a role of the same name made later", session("AROAOLD"), "ec2:DescribeInstances", false, policy.LayerIdentity},
		{"the same name in another account", func() apigw.Principal { p := named("bob"); p.AccountID = "222222222222"; return p }(), "s3:GetObject", false, policy.LayerIdentity},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: c.who, Action: c.action, Time: noon})
			want := policy.Decision{Layer: c.reason}.Reason(c.action)
			if err != nil || d.Allowed != c.want || !d.Allowed && d.Reason != want {
				t.Errorf("allowed %v, %q, %v; want %v, %q", d.Allowed, d.Reason, err, c.want, want)
			}
		})
	}
	held, err := policies.InView(region.store.View(), named("bob"))
	if err != nil || held.Tags["team"] != "blue" || held.Set.Identity[0].ID != "user_bob_own" || held.Set.Identity[1].Type != "aws-managed" {
		t.Errorf("bob holds %+v, %v", held, err)
	}
	if held, _ := policies.InView(region.store.View(), session("AROAWORKER")); held.Tags["team"] != "red" {
		t.Errorf("the role's tags are %v", held.Tags)
	}
}

func TestStatePolicies_AChangeHoldsAtOnce(t *testing.T) {
	t.Parallel()
	region := identities(t)
	policies, err := NewStatePolicies(region)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() bool {
		d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: apigw.Principal{AccountID: account, UserName: "bob", Type: apigw.PrincipalUser}, Action: "s3:GetObject", Time: noon})
		if err != nil {
			t.Fatal(err)
		}
		return d.Allowed
	}
	if !ask() {
		t.Fatal("bob may not")
	}
	tx := region.store.Begin()
	state.Users.Put(tx, &state.User{AccountID: account, Name: "bob", ID: "AIDABOB", Path: "/", Inline: []state.InlinePolicy{{Name: "own", Document: allowing("s3:PutObject")}}})
	tx.Commit()
	if ask() {
		t.Error("bob may still, by a policy that is gone")
	}
}

func TestStatePolicies_ControlPoliciesBoundTheAccount(t *testing.T) {
	t.Parallel()
	region := identities(t)
	put := func(document string, bounded bool) {
		tx := region.store.Begin()
		state.ServiceControlPolicies.Put(tx, &state.ServiceControlPolicy{ID: "p-00000001", Name: "test", Document: document, Targets: []string{account}})
		if bounded {
			state.BoundedAccounts.Put(tx, &state.BoundedAccount{AccountID: account})
		}
		tx.Commit()
	}
	policies, err := NewStatePolicies(region)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	root := apigw.Principal{AccountID: account, ARN: "arn:aws:iam::" + account + ":root", Type: apigw.PrincipalRoot, Root: true}
	other := root
	other.AccountID = "222222222222"
	ask := func(who apigw.Principal, action, want string) {
		t.Helper()
		d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: who, Action: action, Time: noon})
		if err != nil || d.Allowed != (want == "") || d.Reason != want {
			t.Errorf("%s of %s: allowed %v, %q, %v; want %q", action, who.AccountID, d.Allowed, d.Reason, err, want)
		}
	}
	ask(root, "ec2:RunInstances", "")
	put(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*"}}`, false)
	ask(root, "ec2:RunInstances", "with an explicit deny in a service control policy")
	ask(root, "iam:CreateUser", "")
	ask(other, "ec2:RunInstances", "")
	put(allowing("ec2:*"), true)
	ask(root, "ec2:RunInstances", "")
	ask(root, "iam:CreateUser", "because no service control policy allows the iam:CreateUser action")
	ask(apigw.Principal{AccountID: account, UserName: "bob", Type: apigw.PrincipalUser}, "s3:GetObject", "because no service control policy allows the s3:GetObject action")
}
