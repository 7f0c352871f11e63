// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/fsmtest"
)

const account = "111111111111"

// fixed are the same policies for everybody.
type fixed Holdings

func (f fixed) Of(context.Context, apigw.Principal) (Holdings, error) { return Holdings(f), nil }

func source(t testing.TB, statements string) policy.Source {
	t.Helper()
	d, err := policy.Parse(policy.Identity, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	if err != nil {
		t.Fatalf("%v: %s", err, statements)
	}
	return policy.Source{ID: "test", Document: d}
}

func user() apigw.Principal {
	return apigw.Principal{AccountID: account, ARN: "arn:aws:iam::" + account + ":user/alice", UserID: "AIDAALICE", UserName: "alice", Type: apigw.PrincipalUser}
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func messages(t testing.TB) *Messages {
	t.Helper()
	m, err := NewMessages([]byte("a secret of the cluster"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConditionKeysReachThePolicies(t *testing.T) {
	t.Parallel()
	session := user()
	session.Type, session.Session = apigw.PrincipalAssumedRole, &apigw.Session{RoleARN: "arn:aws:iam::111111111111:role/r", MFA: true, Issued: noon.Add(-time.Minute), SourceIdentity: "ann", Tags: map[string]string{"Cost": "7"}}
	request := apigw.AuthzRequest{Action: "ec2:StopInstances", Region: "hive-1", SourceIP: "10.1.2.3", UserAgent: "aws-cli/2", SecureTransport: true, Time: noon,
		Resources: []apigw.Resource{{ARN: "arn:aws:ec2:hive-1:111111111111:instance/i-1", Account: account, Tags: map[string]string{"Team": "blue"},
			RequestTags: map[string]string{"env": "prod"}, RemovedTags: []string{"old"}, Conditions: map[string]string{"ec2:InstanceType": "t3.micro", "ec2:Empty": ""}}}}
	for _, c := range []struct {
		condition      string
		user, sessions bool
	}{
		{`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, true, true},
		{`"StringEquals":{"aws:RequestedRegion":"hive-1"}`, true, true},
		{`"StringEquals":{"ec2:Region":"hive-1"}`, true, true},
		{`"StringLike":{"aws:UserAgent":"aws-cli/*"}`, true, true},
		{`"Bool":{"aws:SecureTransport":"true"}`, true, true},
		{`"DateGreaterThan":{"aws:CurrentTime":"2026-11-25T11:59:59Z"}`, true, true},
		{`"NumericGreaterThan":{"aws:EpochTime":"1700000000"}`, true, true},
		{`"StringEquals":{"aws:ResourceTag/team":"blue"}`, true, true},
		{`"StringEquals":{"ec2:ResourceTag/Team":"blue"}`, true, true},
		{`"StringEquals":{"aws:RequestTag/env":"prod"}`, true, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env","old"]}`, true, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env"]}`, false, false},
		{`"StringEquals":{"ec2:InstanceType":"t3.micro"}`, true, true},
		{`"Null":{"ec2:Empty":"true"}`, true, true},
		{`"StringEquals":{"aws:ResourceAccount":"111111111111"}`, true, true},
		{`"StringEquals":{"aws:PrincipalAccount":"111111111111"}`, true, true},
		{`"StringEquals":{"aws:PrincipalTag/team":"red"}`, true, true},
		{`"StringEquals":{"aws:username":"alice"}`, true, false},
		{`"StringEquals":{"aws:PrincipalType":"User"}`, true, false},
		{`"StringEquals":{"aws:PrincipalType":"AssumedRole"}`, false, true},
		{`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/r"}`, false, true},
		{`"Bool":{"aws:MultiFactorAuthPresent":"true"}`, false, true},
		{`"NumericLessThan":{"aws:MultiFactorAuthAge":"61"}`, false, true},
		{`"DateLessThan":{"aws:TokenIssueTime":"2026-11-25T11:59:30Z"}`, false, true},
		{`"StringEquals":{"aws:SourceIdentity":"ann"}`, false, true},
		{`"StringEquals":{"aws:PrincipalTag/cost":"7"}`, false, true},
		{`"Bool":{"aws:ViaAWSService":"false"}`, true, true},
	} {
		t.Run(c.condition, func(t *testing.T) {
			t.Parallel()
			a, err := New(Config{Policies: fixed{Tags: map[string]string{"Team": "red"}, Set: policy.Set{Identity: []policy.Source{source(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+c.condition+`}}`)}}}})
			if err != nil {
				t.Fatal(err)
			}
			for kind, want := range map[*apigw.Principal]bool{new(user()): c.user, &session: c.sessions} {
				r := request
				r.Principal = *kind
				if d, err := a.Authorize(t.Context(), r); err != nil || d.Allowed != want {
					t.Errorf("%s: allowed %v, %v; want %v", kind.Type, d.Allowed, err, want)
				}
			}
		})
	}
}

func TestEveryResourceIsAsked(t *testing.T) {
	t.Parallel()
	a, err := New(Config{Messages: messages(t), Policies: fixed{Set: policy.Set{Identity: []policy.Source{source(t, `{"Effect":"Allow","Action":"ec2:*","Resource":"arn:aws:ec2:*:*:instance/*"}`)}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := apigw.AuthzRequest{Principal: user(), Action: "ec2:RunInstances", Time: noon, Resources: []apigw.Resource{{ARN: "arn:aws:ec2:r:1:instance/*"}, {ARN: "arn:aws:ec2:r:1:volume/*"}}}
	d, err := a.Authorize(t.Context(), r)
	if err != nil || d.Allowed || d.Resource != "arn:aws:ec2:r:1:volume/*" || d.Reason != "because no identity-based policy allows the ec2:RunInstances action" || d.Encoded == "" {
		t.Errorf("got %+v, %v", d, err)
	}
	r.Resources = r.Resources[:1]
	if d, err := a.Authorize(t.Context(), r); err != nil || !d.Allowed {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestCallerIdentityNeedsNoPermission(t *testing.T) {
	t.Parallel()
	a, err := New(Config{Policies: fixed{Set: policy.Set{Identity: []policy.Source{source(t, `{"Effect":"Deny","Action":"*","Resource":"*"}`)}}}})
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]bool{"sts:GetCallerIdentity": true, "sts:GetSessionToken": true, "sts:GetAccessKeyInfo": false} {
		if d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: user(), Action: action}); err != nil || d.Allowed != want {
			t.Errorf("%s: allowed %v, %v", action, d.Allowed, err)
		}
	}
}

func TestMessagesOpenForTheAccountAlone(t *testing.T) {
	t.Parallel()
	m := messages(t)
	a, err := New(Config{Messages: m, Policies: fixed{Set: policy.Set{Identity: []policy.Source{source(t, `{"Sid":"NoStop","Effect":"Deny","Action":"ec2:Stop*","Resource":"*"}`)}}}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: user(), Action: "ec2:StopInstances", SourceIP: "10.0.0.1", Time: noon, Resources: []apigw.Resource{{ARN: "arn:aws:ec2:r:1:instance/i-1"}}})
	if err != nil || d.Allowed || !d.Explicit || strings.Contains(d.Encoded, "alice") {
		t.Fatalf("got %+v, %v", d, err)
	}
	text, err := m.Open(account, d.Encoded)
	if err != nil {
		t.Fatal(err)
	}
	var got decoded
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.Allowed || !got.Explicit || got.Context.Action != "ec2:StopInstances" || got.Context.Resource != "arn:aws:ec2:r:1:instance/i-1" || got.Context.Principal.ARN != user().ARN ||
		len(got.Matched.Items) != 1 || got.Matched.Items[0].ID != "NoStop" || !strings.Contains(text, `{"key":"aws:sourceip","values":{"items":[{"value":"10.0.0.1"}]}}`) {
		t.Errorf("decoded %s", text)
	}
	other, err := NewMessages([]byte("a secret of another one"))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (string, error){
		"another account": func() (string, error) { return m.Open("222222222222", d.Encoded) },
		"another cluster": func() (string, error) { return other.Open(account, d.Encoded) },
		"cut":             func() (string, error) { return m.Open(account, d.Encoded[:len(d.Encoded)-4]) },
		"empty":           func() (string, error) { return m.Open(account, "") },
		"noise":           func() (string, error) { return m.Open(account, "!!!") },
	} {
		if _, err := open(); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// call asks in the name of a principal with these policies; the error is what the handler would answer.
func call(t *testing.T, service, action string, dry bool, set policy.Set, resources ...apigw.Resource) error {
	t.Helper()
	a, err := New(Config{Policies: fixed{Set: set}, Messages: messages(t)})
	if err != nil {
		t.Fatal(err)
	}
	c := &apigw.Call{Account: account, Principal: user(), Service: service, Action: action, Region: "hive-1", Time: noon, DryRun: dry}
	apigw.WithCall(t.Context(), c, apigw.CallConfig{Authorizer: a})
	return c.Authorize(resources...)
}

func TestRefusalsHaveAWSsWords(t *testing.T) {
	t.Parallel()
	instance := apigw.Resource{ARN: "arn:aws:ec2:hive-1:111111111111:instance/i-1"}
	deny := policy.Set{Identity: []policy.Source{source(t, `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["ec2:StopInstances","iam:CreateUser"],"Resource":"*"}`)}}
	bounded := policy.Set{Identity: []policy.Source{source(t, `{"Effect":"Allow","Action":"*","Resource":"*"}`)}, Boundary: policy.NewLayer()}
	whole := policy.Set{Identity: []policy.Source{source(t, `{"Effect":"Allow","Action":"*","Resource":"*"}`)}}
	who := "User: arn:aws:iam::111111111111:user/alice is not authorized to perform: "
	for _, c := range []struct {
		name, service, action string
		dry                   bool
		set                   policy.Set
		resources             []apigw.Resource
		code, want            string
	}{
		{"EC2", "ec2", "StopInstances", false, policy.Set{}, []apigw.Resource{instance}, "UnauthorizedOperation",
			"You are not authorized to perform this operation. " + who + "ec2:StopInstances on resource: arn:aws:ec2:hive-1:111111111111:instance/i-1 because no identity-based policy allows the ec2:StopInstances action. Encoded authorization failure message: "},
		{"EC2, explicit", "ec2", "StopInstances", false, deny, []apigw.Resource{instance}, "UnauthorizedOperation",
			"You are not authorized to perform this operation. " + who + "ec2:StopInstances on resource: arn:aws:ec2:hive-1:111111111111:instance/i-1 with an explicit deny in an identity-based policy. Encoded authorization failure message: "},
		{"EC2, without resources", "ec2", "DescribeInstances", false, policy.Set{}, nil, "UnauthorizedOperation",
			"You are not authorized to perform this operation. " + who + "ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action"},
		{"EC2, dry, refused", "ec2", "DescribeInstances", true, policy.Set{}, nil, "UnauthorizedOperation", "You are not authorized"},
		{"EC2, dry, allowed", "ec2", "DescribeInstances", true, whole, nil, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
		{"IAM", "iam", "CreateUser", false, policy.Set{}, []apigw.Resource{{ARN: "arn:aws:iam::111111111111:user/bob"}}, "AccessDenied",
			who + "iam:CreateUser on resource: arn:aws:iam::111111111111:user/bob because no identity-based policy allows the iam:CreateUser action"},
		{"IAM, explicit", "iam", "CreateUser", false, deny, []apigw.Resource{{ARN: "arn:aws:iam::111111111111:user/bob"}}, "AccessDenied",
			who + "iam:CreateUser on resource: arn:aws:iam::111111111111:user/bob with an explicit deny in an identity-based policy"},
		{"IAM, boundary", "iam", "CreateUser", false, bounded, []apigw.Resource{{ARN: "arn:aws:iam::111111111111:user/bob"}}, "AccessDenied",
			who + "iam:CreateUser on resource: arn:aws:iam::111111111111:user/bob because no permissions boundary allows the iam:CreateUser action"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got *awserr.Error
			if err := call(t, c.service, c.action, c.dry, c.set, c.resources...); !errors.As(err, &got) || got.Code != c.code || !strings.HasPrefix(got.Message, c.want) {
				t.Fatalf("got %v, want %s: %s", err, c.code, c.want)
			}
			if encoded := strings.HasSuffix(c.want, "message: "); encoded {
				if _, err := messages(t).Open(account, strings.TrimPrefix(got.Message, c.want)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTagsWhileCreatingWantCreateTags(t *testing.T) {
	t.Parallel()
	tagged := []apigw.Resource{{ARN: "arn:aws:ec2:r:1:volume/*", RequestTags: map[string]string{"env": "prod"}}}
	run := `{"Effect":"Allow","Action":"ec2:CreateVolume","Resource":"*"}`
	for name, c := range map[string]struct {
		statements string
		resources  []apigw.Resource
		want       bool
	}{
		"without tags":             {run, []apigw.Resource{{ARN: "arn:aws:ec2:r:1:volume/*"}}, true},
		"without ec2:CreateTags":   {run, tagged, false},
		"with ec2:CreateTags":      {run + `,{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*"}`, tagged, true},
		"for this action":          {run + `,{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringEquals":{"ec2:CreateAction":"CreateVolume"}}}`, tagged, true},
		"for another action":       {run + `,{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringEquals":{"ec2:CreateAction":"RunInstances"}}}`, tagged, false},
		"with these tags":          {run + `,{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/env":"prod"}}}`, tagged, true},
		"with other tags":          {run + `,{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/env":"test"}}}`, tagged, false},
		"the action wants its tag": {`{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"Null":{"aws:RequestTag/cost":"false"}}}`, tagged, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call(t, "ec2", "CreateVolume", false, policy.Set{Identity: []policy.Source{source(t, c.statements)}}, c.resources...)
			if (err == nil) != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestStatePolicies_AdministratorsAndOthers(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	region.AddAccount(t, account)
	policies, err := NewStatePolicies(region)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Config{Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string, change func(*apigw.Principal)) apigw.Principal {
		p := apigw.Principal{AccountID: account, UserName: name, ARN: "arn:aws:iam::" + account + ":user/" + name, Type: apigw.PrincipalUser}
		if change != nil {
			change(&p)
		}
		return p
	}
	onlyEC2 := []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}`}
	for name, c := range map[string]struct {
		who      apigw.Principal
		ec2, iam bool
	}{
		"administrator":    {as("admin", nil), true, true},
		"nobody":           {as("nobody", nil), false, false},
		"root":             {as("root", func(p *apigw.Principal) { p.Root, p.UserName = true, "" }), true, true},
		"session of admin": {as("admin", func(p *apigw.Principal) { p.Session = &apigw.Session{} }), true, true},
		"bounded session":  {as("admin", func(p *apigw.Principal) { p.Session = &apigw.Session{Policies: onlyEC2} }), true, false},
		"bounded by a managed policy": {as("admin", func(p *apigw.Principal) {
			p.Session = &apigw.Session{PolicyARNs: []string{"arn:aws:iam::aws:policy/IAMReadOnlyAccess"}}
		}), false, false},
		"federated": {as("admin", func(p *apigw.Principal) {
			p.Type, p.UserName, p.Session = apigw.PrincipalFederated, "", &apigw.Session{User: "admin"}
		}), false, false},
		"federated with a policy": {as("admin", func(p *apigw.Principal) {
			p.Type, p.UserName, p.Session = apigw.PrincipalFederated, "", &apigw.Session{User: "admin", Policies: onlyEC2}
		}), true, false},
	} {
		for action, want := range map[string]bool{"ec2:RunInstances": c.ec2, "iam:CreateUser": c.iam} {
			if d, err := a.Authorize(t.Context(), apigw.AuthzRequest{Principal: c.who, Action: action, Time: noon}); err != nil || d.Allowed != want {
				t.Errorf("%s and %s: allowed %v, %v; want %v", name, action, d.Allowed, err, want)
			}
		}
	}
	if _, err := policies.Of(t.Context(), as("admin", func(p *apigw.Principal) { p.Session = &apigw.Session{Policies: []string{"{"}} })); err == nil {
		t.Error("a session policy that does not parse was taken for an empty one")
	}
}
