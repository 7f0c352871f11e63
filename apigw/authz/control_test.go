// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"testing"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

func TestServiceControlPolicies_BoundAccounts_RootToo(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	region.AddAccount(t, account)
	region.AddAccount(t, "222222222222")
	policies, err := NewStatePolicies(region)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	may := func(account, user, action string) bool {
		t.Helper()
		p := apigw.Principal{AccountID: account, UserName: user, ARN: "arn:aws:iam::" + account + ":user/" + user, Type: apigw.PrincipalUser}
		if user == "" {
			p.ARN, p.Type, p.Root = "arn:aws:iam::"+account+":root", apigw.PrincipalRoot, true
		}
		d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: p, Action: action, Time: noon})
		if err != nil {
			t.Fatal(err)
		}
		return d.Allowed
	}
	do := func(c command.Command) {
		t.Helper()
		if err := region.Propose(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, ec2, kms bool) {
		t.Helper()
		for _, user := range []string{"admin", ""} {
			if may(account, user, "ec2:RunInstances") != ec2 || may(account, user, "kms:CreateKey") != kms {
				t.Errorf("%s: user %q may not what it should, or may more", when, user)
			}
		}
		if !may("222222222222", "admin", "ec2:RunInstances") {
			t.Errorf("%s: the other account is bounded", when)
		}
	}
	check("before", true, true)
	do(command.PutServiceControlPolicy{Policy: state.ServiceControlPolicy{ID: "p-deny", Name: "deny", Document: `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:Run*","Resource":"*"}}`}})
	check("not attached", true, true)
	do(command.AttachServiceControlPolicy{PolicyID: "p-deny", AccountID: account})
	check("denied", false, true)
	do(command.AttachServiceControlPolicy{PolicyID: "p-deny", AccountID: account, Detach: true})
	check("detached", true, true)
	do(command.PutServiceControlPolicy{Policy: state.ServiceControlPolicy{ID: "p-allow", Name: "allow", Document: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}`}})
	do(command.AttachServiceControlPolicy{PolicyID: "p-allow", AccountID: account})
	check("full access is still there", true, true)
	do(command.AttachServiceControlPolicy{PolicyID: state.FullAccess, AccountID: account, Detach: true})
	check("only what is listed", true, false)
}
