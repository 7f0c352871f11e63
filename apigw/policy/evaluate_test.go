// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"testing"
)

// The world of the cases: two accounts, a user, a role's session, a federated user.
const (
	home    = "111111111111"
	foreign = "222222222222"
	bucket  = "arn:aws:s3:::data/file"
)

var (
	alice  = Principal{Account: home, ARN: "arn:aws:iam::111111111111:user/alice", UserID: "AIDAALICEALICEALICE01", UserName: "alice"}
	stormy = Principal{Account: home, ARN: "arn:aws:sts::111111111111:assumed-role/worker/s1", RoleARN: "arn:aws:iam::111111111111:role/worker", UserID: "AROAWORKERWORKERWORK1:s1"}
	feder  = Principal{Account: home, ARN: "arn:aws:sts::111111111111:federated-user/fred", UserID: "111111111111:fred"}
	rooty  = Principal{Account: home, ARN: "arn:aws:iam::111111111111:root", UserID: home, Root: true}
	guest  = Principal{}
	ec2svc = Principal{Service: "ec2.amazonaws.com"}
	weblog = Principal{Federated: "arn:aws:iam::111111111111:oidc-provider/idp.example.org"}
)

func parse(t testing.TB, kind Kind, text string) *Document {
	t.Helper()
	d, err := Parse(kind, text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// inside compiles statements' insides into one document.
func inside(t testing.TB, kind Kind, statements ...string) Source {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[`
	for i, s := range statements {
		if i > 0 {
			text += ","
		}
		text += "{" + s + "}"
	}
	return Source{ID: "p", Document: parse(t, kind, text+"]}")}
}

// Insides of statements.
const (
	allowGet  = `"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"`
	allowAll  = `"Effect":"Allow","Action":"*","Resource":"*"`
	allowEC2  = `"Effect":"Allow","Action":"ec2:*","Resource":"*"`
	denyGet   = `"Effect":"Deny","Action":"s3:GetObject","Resource":"*"`
	toAlice   = `"Principal":{"AWS":"arn:aws:iam::111111111111:user/alice"},` + allowGet
	toRole    = `"Principal":{"AWS":"arn:aws:iam::111111111111:role/worker"},` + allowGet
	toSession = `"Principal":{"AWS":"arn:aws:sts::111111111111:assumed-role/worker/s1"},` + allowGet
	toAccount = `"Principal":{"AWS":"111111111111"},` + allowGet
	toAll     = `"Principal":"*",` + allowGet
	toFred    = `"Principal":{"AWS":"arn:aws:sts::111111111111:federated-user/fred"},` + allowGet
	notAlice  = `"NotPrincipal":{"AWS":["arn:aws:iam::111111111111:user/alice","arn:aws:iam::111111111111:root"]},` + denyGet
)

func TestEvaluate_Layers(t *testing.T) {
	t.Parallel()
	type layers struct{ identity, resource, boundary, session, scp, rcp, endpoint []string }
	none := []string{} // a layer that exists and allows nothing
	get := []string{allowGet}
	for _, c := range []struct {
		name   string
		who    Principal
		owner  string // of the resource; empty: the caller's account
		decide bool   // the resource's policy has to allow
		in     layers
		want   bool
		layer  LayerName // that refuses
		deny   bool      // explicitly
	}{
		{name: "no policy", who: alice, layer: LayerIdentity},
		{name: "identity allows", who: alice, in: layers{identity: get}, want: true},
		{name: "identity allows something else", who: alice, in: layers{identity: []string{allowEC2}}, layer: LayerIdentity},
		{name: "identity denies", who: alice, in: layers{identity: []string{allowAll, denyGet}}, layer: LayerIdentity, deny: true},
		{name: "deny stands first", who: alice, in: layers{identity: []string{denyGet, allowAll}}, layer: LayerIdentity, deny: true},
		{name: "root", who: rooty, want: true},
		{name: "root under an SCP", who: rooty, in: layers{scp: []string{allowEC2}}, layer: LayerServiceControl},
		{name: "root, denied by an SCP", who: rooty, in: layers{scp: []string{allowAll, denyGet}}, layer: LayerServiceControl, deny: true},

		{name: "resource names the user", who: alice, in: layers{resource: []string{toAlice}}, want: true},
		{name: "resource names the account", who: alice, in: layers{resource: []string{toAccount}}, layer: LayerIdentity},
		{name: "resource names the account, identity allows", who: alice, in: layers{identity: get, resource: []string{toAccount}}, want: true},
		{name: "resource names everyone", who: alice, in: layers{resource: []string{toAll}}, want: true},
		{name: "resource names another", who: alice, in: layers{resource: []string{toRole}}, layer: LayerIdentity},
		{name: "resource denies", who: alice, in: layers{identity: get, resource: []string{`"Principal":"*",` + denyGet}}, layer: LayerResource, deny: true},
		{name: "resource denies the account", who: alice, in: layers{identity: get, resource: []string{`"Principal":{"AWS":"111111111111"},` + denyGet}}, layer: LayerResource, deny: true},
		{name: "resource names the role", who: stormy, in: layers{resource: []string{toRole}}, want: true},
		{name: "resource names the session", who: stormy, in: layers{resource: []string{toSession}}, want: true},
		{name: "resource names the role's id", who: stormy, in: layers{resource: []string{`"Principal":{"AWS":"AROAWORKERWORKERWORK1"},` + allowGet}}, want: true},
		{name: "resource names the user's id", who: alice, in: layers{resource: []string{`"Principal":{"AWS":"AIDAALICEALICEALICE01"},` + allowGet}}, want: true},
		{name: "resource allows all but another", who: alice, in: layers{resource: []string{`"NotPrincipal":{"AWS":"222222222222"},` + allowGet}}, want: true},
		{name: "resource allows all but me", who: alice, in: layers{resource: []string{`"NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/alice"},` + allowGet}}, layer: LayerIdentity},

		{name: "boundary allows too", who: alice, in: layers{identity: get, boundary: get}, want: true},
		{name: "boundary alone", who: alice, in: layers{boundary: get}, layer: LayerIdentity},
		{name: "boundary misses it", who: alice, in: layers{identity: get, boundary: []string{allowEC2}}, layer: LayerBoundary},
		{name: "empty boundary", who: alice, in: layers{identity: get, boundary: none}, layer: LayerBoundary},
		{name: "boundary denies", who: alice, in: layers{identity: get, boundary: []string{allowAll, denyGet}}, layer: LayerBoundary, deny: true},
		{name: "boundary does not bound a user whom the resource names", who: alice, in: layers{boundary: []string{allowEC2}, resource: []string{toAlice}}, want: true},
		{name: "boundary that denies bounds that user", who: alice, in: layers{boundary: []string{denyGet}, resource: []string{toAlice}}, layer: LayerBoundary, deny: true},
		{name: "boundary bounds a role that the resource names", who: stormy, in: layers{boundary: []string{allowEC2}, resource: []string{toRole}}, layer: LayerBoundary},
		{name: "boundary does not bound a session that the resource names", who: stormy, in: layers{boundary: []string{allowEC2}, resource: []string{toSession}}, want: true},
		{name: "boundary bounds everyone", who: alice, in: layers{boundary: []string{allowEC2}, resource: []string{toAll}}, layer: LayerBoundary},

		{name: "session allows too", who: stormy, in: layers{identity: get, session: get}, want: true},
		{name: "session misses it", who: stormy, in: layers{identity: get, session: []string{allowEC2}}, layer: LayerSession},
		{name: "session alone", who: stormy, in: layers{session: get}, layer: LayerIdentity},
		{name: "session denies", who: stormy, in: layers{identity: get, session: []string{allowAll, denyGet}}, layer: LayerSession, deny: true},
		{name: "session bounds a role that the resource names", who: stormy, in: layers{session: []string{allowEC2}, resource: []string{toRole}}, layer: LayerSession},
		{name: "session does not bound the session that the resource names", who: stormy, in: layers{session: []string{allowEC2}, resource: []string{toSession}}, want: true},
		{name: "federated without session policy", who: feder, in: layers{identity: get, session: none}, layer: LayerSession},
		{name: "federated with session policy", who: feder, in: layers{identity: get, session: get}, want: true},
		{name: "federated, named by the resource", who: feder, in: layers{session: none, resource: []string{toFred}}, want: true},
		{name: "boundary and session", who: stormy, in: layers{identity: get, session: get, boundary: get}, want: true},

		{name: "SCP allows", who: alice, in: layers{identity: get, scp: []string{allowAll}}, want: true},
		{name: "SCP misses it", who: alice, in: layers{identity: get, scp: []string{allowEC2}}, layer: LayerServiceControl},
		{name: "SCP alone", who: alice, in: layers{scp: []string{allowAll}}, layer: LayerIdentity},
		{name: "SCP denies", who: alice, in: layers{identity: get, scp: []string{allowAll, denyGet}}, layer: LayerServiceControl, deny: true},
		{name: "SCP bounds who is named by the resource", who: alice, in: layers{scp: []string{allowEC2}, resource: []string{toAlice}}, layer: LayerServiceControl},
		{name: "RCP misses it", who: alice, in: layers{identity: get, rcp: []string{allowEC2}}, layer: LayerResourceControl},
		{name: "RCP denies", who: alice, in: layers{identity: get, rcp: []string{allowAll, denyGet}}, layer: LayerResourceControl, deny: true},
		{name: "endpoint allows", who: alice, in: layers{identity: get, endpoint: []string{allowAll}}, want: true},
		{name: "endpoint misses it", who: alice, in: layers{identity: get, endpoint: []string{allowEC2}}, layer: LayerEndpoint},

		{name: "across accounts: identity alone", who: alice, owner: foreign, in: layers{identity: get}, layer: LayerResource},
		{name: "across accounts: resource alone", who: alice, owner: foreign, in: layers{resource: []string{toAlice}}, layer: LayerIdentity},
		{name: "across accounts: both", who: alice, owner: foreign, in: layers{identity: get, resource: []string{toAlice}}, want: true},
		{name: "across accounts: to the account", who: alice, owner: foreign, in: layers{identity: get, resource: []string{toAccount}}, want: true},
		{name: "across accounts: to everyone", who: alice, owner: foreign, in: layers{identity: get, resource: []string{toAll}}, want: true},
		{name: "across accounts: boundary", who: alice, owner: foreign, in: layers{identity: get, resource: []string{toAlice}, boundary: []string{allowEC2}}, layer: LayerBoundary},
		{name: "across accounts: session, even when named", who: stormy, owner: foreign, in: layers{identity: get, resource: []string{toSession}, session: []string{allowEC2}}, layer: LayerSession},
		{name: "across accounts: root", who: rooty, owner: foreign, layer: LayerResource},
		{name: "across accounts: root, to the account", who: rooty, owner: foreign, in: layers{resource: []string{toAccount}}, want: true},
		{name: "across accounts: nothing", who: alice, owner: foreign, layer: LayerIdentity},

		{name: "key: identity alone", who: alice, decide: true, in: layers{identity: get}, layer: LayerResource},
		{name: "key: account and identity", who: alice, decide: true, in: layers{identity: get, resource: []string{toAccount}}, want: true},
		{name: "key: account alone", who: alice, decide: true, in: layers{resource: []string{toAccount}}, layer: LayerIdentity},
		{name: "key: names the user", who: alice, decide: true, in: layers{resource: []string{toAlice}}, want: true},
		{name: "key: root without a word", who: rooty, decide: true, layer: LayerResource},
		{name: "key: root by account", who: rooty, decide: true, in: layers{resource: []string{toAccount}}, want: true},

		{name: "NotPrincipal leaves alice out", who: alice, in: layers{identity: get, resource: []string{notAlice}}, want: true},
		{name: "NotPrincipal meets others of the account", who: stormy, in: layers{identity: get, resource: []string{notAlice}}, layer: LayerResource, deny: true},
		{name: "NotPrincipal meets everybody with a boundary", who: alice, in: layers{identity: get, boundary: []string{allowAll}, resource: []string{notAlice}}, layer: LayerResource, deny: true},
		{name: "NotPrincipal without the account", who: alice, in: layers{identity: get, resource: []string{`"NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/alice"},` + denyGet}}, layer: LayerResource, deny: true},
		{name: "NotPrincipal wants role, session and account", who: stormy, in: layers{identity: get, resource: []string{`"NotPrincipal":{"AWS":["111111111111","arn:aws:iam::111111111111:role/worker","arn:aws:sts::111111111111:assumed-role/worker/s1"]},` + denyGet}}, want: true},

		{name: "anonymous", who: guest, owner: home, layer: LayerResource},
		{name: "anonymous, for everyone", who: guest, owner: home, in: layers{resource: []string{toAll}}, want: true},
		{name: "anonymous, for an account", who: guest, owner: home, in: layers{resource: []string{toAccount}}, layer: LayerResource},
		{name: "anonymous, denied", who: guest, owner: home, in: layers{resource: []string{toAll, `"Principal":"*",` + denyGet}}, layer: LayerResource, deny: true},
		{name: "a service", who: ec2svc, owner: home, in: layers{resource: []string{`"Principal":{"Service":"ec2.amazonaws.com"},` + allowGet}}, want: true},
		{name: "another service", who: ec2svc, owner: home, in: layers{resource: []string{`"Principal":{"Service":"s3.amazonaws.com"},` + allowGet}}, layer: LayerResource},
		{name: "a web identity", who: weblog, owner: home, in: layers{resource: []string{`"Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/idp.example.org"},` + allowGet}}, want: true},
		{name: "another provider", who: weblog, owner: home, in: layers{resource: []string{`"Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/other.org"},` + allowGet}}, layer: LayerResource},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s Set
			if c.in.identity != nil {
				s.Identity = []Source{inside(t, Identity, c.in.identity...)}
			}
			if c.in.resource != nil {
				s.Resource = []Source{inside(t, Resource, c.in.resource...)}
			}
			layer := func(statements []string) *Layer {
				if statements == nil {
					return nil
				}
				if len(statements) == 0 {
					return NewLayer()
				}
				return NewLayer(inside(t, Identity, statements...))
			}
			s.Boundary, s.Session, s.Endpoint = layer(c.in.boundary), layer(c.in.session), layer(c.in.endpoint)
			if c.in.scp != nil {
				s.SCPs = []Layer{*layer([]string{allowAll}), *layer(c.in.scp)}
			}
			if c.in.rcp != nil {
				s.RCPs = []Layer{*layer(c.in.rcp)}
			}
			d := Evaluate(Request{Principal: c.who, Action: "s3:GetObject", Resource: bucket, ResourceAccount: c.owner, ResourceDecides: c.decide}, s)
			if d.Allowed != c.want || d.Explicit != c.deny || d.Layer != c.layer {
				t.Errorf("got allowed %v, explicit %v, by %q; want %v, %v, by %q", d.Allowed, d.Explicit, d.Layer, c.want, c.deny, c.layer)
			}
			if (d.Allowed && !c.who.Root || d.Explicit) && len(d.Matched) == 0 {
				t.Error("no statement made the decision")
			}
		})
	}
}

func TestEvaluate_ActionsAndResources(t *testing.T) {
	t.Parallel()
	instance := "arn:aws:ec2:hive-1:111111111111:instance/i-1"
	for _, c := range []struct {
		name             string
		statement        string
		action, resource string
		want             bool
	}{
		{"star", allowAll, "ec2:RunInstances", instance, true},
		{"service", allowEC2, "ec2:RunInstances", instance, true},
		{"another service", allowEC2, "iam:GetUser", "*", false},
		{"case of actions does not count", `"Effect":"Allow","Action":"EC2:runinstances","Resource":"*"`, "ec2:RunInstances", instance, true},
		{"prefix", `"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"`, "ec2:DescribeInstances", "*", true},
		{"prefix of another", `"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"`, "ec2:RunInstances", instance, false},
		{"infix", `"Effect":"Allow","Action":"ec2:*Instances","Resource":"*"`, "ec2:RunInstances", instance, true},
		{"question mark", `"Effect":"Allow","Action":"ec2:?unInstances","Resource":"*"`, "ec2:RunInstances", instance, true},
		{"question mark is one", `"Effect":"Allow","Action":"ec2:?RunInstances","Resource":"*"`, "ec2:RunInstances", instance, false},
		{"list of actions", `"Effect":"Allow","Action":["iam:*","ec2:Run*"],"Resource":"*"`, "ec2:RunInstances", instance, true},
		{"NotAction lists it", `"Effect":"Allow","NotAction":"ec2:*","Resource":"*"`, "ec2:RunInstances", instance, false},
		{"NotAction lists others", `"Effect":"Allow","NotAction":["iam:*","s3:*"],"Resource":"*"`, "ec2:RunInstances", instance, true},
		{"resource", `"Effect":"Allow","Action":"*","Resource":"` + instance + `"`, "ec2:RunInstances", instance, true},
		{"another resource", `"Effect":"Allow","Action":"*","Resource":"` + instance + `2"`, "ec2:RunInstances", instance, false},
		{"case of resources counts", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:hive-1:111111111111:Instance/i-1"`, "ec2:RunInstances", instance, false},
		{"wildcard resource", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:instance/*"`, "ec2:RunInstances", instance, true},
		{"wildcard of another type", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:volume/*"`, "ec2:RunInstances", instance, false},
		{"a wildcard does not cross fields", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:instance/*"`, "ec2:RunInstances", instance, false},
		{"an ARN that is too short is completed", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2"`, "ec2:RunInstances", instance, true},
		{"NotResource lists it", `"Effect":"Allow","Action":"*","NotResource":"arn:aws:ec2:*:*:instance/*"`, "ec2:RunInstances", instance, false},
		{"NotResource lists others", `"Effect":"Allow","Action":"*","NotResource":"arn:aws:ec2:*:*:volume/*"`, "ec2:RunInstances", instance, true},
		{"an action without resources wants a star", `"Effect":"Allow","Action":"*","Resource":"arn:aws:ec2:*:*:*"`, "ec2:DescribeInstances", "*", false},
		{"variable", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${aws:username}/*"`, "s3:GetObject", "arn:aws:s3:::home/alice/x", true},
		{"variable of another", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${aws:username}/*"`, "s3:GetObject", "arn:aws:s3:::home/bob/x", false},
		{"variable without a value", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${aws:PrincipalTag/team}"`, "s3:GetObject", "arn:aws:s3:::home/", false},
		{"default", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${aws:PrincipalTag/team, 'all'}"`, "s3:GetObject", "arn:aws:s3:::home/all", true},
		{"default is not needed", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${aws:username, 'all'}"`, "s3:GetObject", "arn:aws:s3:::home/all", false},
		{"literal star", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${*}"`, "s3:GetObject", "arn:aws:s3:::home/x", false},
		{"literal star meets one", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${*}"`, "s3:GetObject", "arn:aws:s3:::home/*", true},
		{"a value is no wildcard", `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${test:star}"`, "s3:GetObject", "arn:aws:s3:::home/x", false},
		{"outside of something unknown is not allowed", `"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::${aws:PrincipalTag/team}"`, "s3:GetObject", "arn:aws:s3:::home/x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := Evaluate(Request{Principal: alice, Action: c.action, Resource: c.resource, Context: Keys{"test:star": {"*"}}},
				Set{Identity: []Source{inside(t, Identity, c.statement)}})
			if d.Allowed != c.want {
				t.Errorf("allowed %v, want %v", d.Allowed, c.want)
			}
		})
	}
}

func TestEvaluate_OldDocumentsKnowNoVariables(t *testing.T) {
	t.Parallel()
	d := parse(t, Resource, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}`)
	for resource, want := range map[string]bool{"arn:aws:s3:::alice": false, "arn:aws:s3:::${aws:username}": true} {
		got := Evaluate(Request{Principal: alice, Action: "s3:ListBucket", Resource: resource}, Set{Resource: []Source{{Document: d}}})
		if got.Allowed != want {
			t.Errorf("%s: allowed %v, want %v", resource, got.Allowed, want)
		}
	}
}

func TestDecisionNamesItsStatements(t *testing.T) {
	t.Parallel()
	set := Set{Identity: []Source{inside(t, Identity, `"Sid":"one",`+allowGet, `"Sid":"two",`+denyGet, `"Sid":"three",`+allowEC2)}}
	var got []string
	for _, m := range Evaluate(Request{Principal: alice, Action: "s3:GetObject", Resource: bucket}, set).Matched {
		got = append(got, m.Source.ID+"/"+m.Statement.Sid+"/"+string(m.Layer))
	}
	if want := []string{"p/two/identity-based policy"}; !slices.Equal(got, want) {
		t.Errorf("the deny was made by %v, want %v", got, want)
	}
}

func TestReasonIsAWSs(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]Decision{
		"because no identity-based policy allows the ec2:RunInstances action":  {Layer: LayerIdentity},
		"because no permissions boundary allows the ec2:RunInstances action":   {Layer: LayerBoundary},
		"because no session policy allows the ec2:RunInstances action":         {Layer: LayerSession},
		"because no service control policy allows the ec2:RunInstances action": {Layer: LayerServiceControl},
		"because no resource-based policy allows the ec2:RunInstances action":  {Layer: LayerResource},
		"with an explicit deny in an identity-based policy":                    {Layer: LayerIdentity, Explicit: true},
		"with an explicit deny in a service control policy":                    {Layer: LayerServiceControl, Explicit: true},
		"with an explicit deny in a resource-based policy":                     {Layer: LayerResource, Explicit: true},
		"with an explicit deny in a permissions boundary":                      {Layer: LayerBoundary, Explicit: true},
	} {
		if got := d.Reason("ec2:RunInstances"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
