// SPDX-License-Identifier: Apache-2.0

package sts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/session"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	trustAcme  = `{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}`
	trustRival = `{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"open-sesame"}}}`
	trustBob   = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/bob"},"Action":"sts:AssumeRole"}`
)

func assume(arn string) *sdk.AssumeRoleInput {
	return &sdk.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("work")}
}

func TestAssumeRole_GivesWorkingCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.addRole("deploy", trustAcme, func(r *state.Role) { r.Path = "/ops/" })
	in := assume(role)
	in.SourceIdentity = aws.String("me")
	out, err := w.as(acme, "admin").AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := "arn:aws:sts::111111111111:assumed-role/deploy/work"
	if *out.AssumedRoleUser.Arn != want || *out.AssumedRoleUser.AssumedRoleId != "AROAdeploy:work" || *out.SourceIdentity != "me" || out.PackedPolicySize != nil {
		t.Errorf("got %+v", out)
	}
	if life := time.Until(*out.Credentials.Expiration); life < 59*time.Minute || life > time.Hour || !strings.HasPrefix(*out.Credentials.AccessKeyId, "ASIA") {
		t.Errorf("key %s for %s", *out.Credentials.AccessKeyId, life)
	}
	who, err := w.with(out.Credentials).GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *who.Arn != want || *who.Account != acme || *who.UserId != "AROAdeploy:work" {
		t.Errorf("got %s %s %s", *who.Arn, *who.Account, *who.UserId)
	}
	info, err := w.with(out.Credentials).GetAccessKeyInfo(t.Context(), &sdk.GetAccessKeyInfoInput{AccessKeyId: out.Credentials.AccessKeyId})
	if code, _ := refusal(err); code != "AccessDenied" {
		t.Errorf("a role without policies asks about a key: %v, %v", info, err)
	}
}

func TestAssumeRole_WhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open, strict, bobs, foreign := w.addRole("open", trustAcme, nil), w.addRole("strict", `{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}`, nil),
		w.addRole("bobs", trustBob, nil), w.addRole("foreign", trustRival, nil)
	for name, c := range map[string]struct {
		account, user, role, external string
		code, message                 string
	}{
		"trusted account, allowed user":         {acme, "admin", open, "", "", ""},
		"trusted account, user without policy":  {acme, "bob", open, "", "AccessDenied", "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: sts:AssumeRole on resource: " + open + " because no identity-based policy allows the sts:AssumeRole action"},
		"trusted by name":                       {acme, "bob", bobs, "", "", ""},
		"another user than the trusted":         {acme, "admin", bobs, "", "AccessDenied", "User: arn:aws:iam::111111111111:user/admin is not authorized to perform: sts:AssumeRole on resource: " + bobs},
		"denied by the trust policy":            {acme, "admin", strict, "", "AccessDenied", "User: arn:aws:iam::111111111111:user/admin is not authorized to perform: sts:AssumeRole on resource: " + strict + " with an explicit deny in a resource-based policy"},
		"another account with the external id":  {rival, "admin", foreign, "open-sesame", "", ""},
		"another account with a wrong one":      {rival, "admin", foreign, "open-says-me", "AccessDenied", "User: arn:aws:iam::222222222222:user/admin is not authorized to perform: sts:AssumeRole on resource: " + foreign},
		"another account without":               {rival, "admin", foreign, "", "AccessDenied", "User: arn:aws:iam::222222222222:user/admin is not authorized to perform: sts:AssumeRole on resource: " + foreign},
		"another account that is not trusted":   {rival, "admin", open, "", "AccessDenied", "User: arn:aws:iam::222222222222:user/admin is not authorized to perform: sts:AssumeRole on resource: " + open},
		"a role that does not exist":            {acme, "admin", open + "2", "", "AccessDenied", "User: arn:aws:iam::111111111111:user/admin is not authorized to perform: sts:AssumeRole on resource: " + open + "2"},
		"the root user":                         {acme, "root", open, "", "AccessDenied", "Roles may not be assumed by root accounts."},
		"a role's ARN that is none":             {acme, "admin", "arn:aws:iam::1:user/some-one", "", "ValidationError", "arn:aws:iam::1:user/some-one is invalid"},
		"the right role under a different path": {acme, "admin", strings.Replace(open, "role/", "role/x/", 1), "", "AccessDenied", "User: arn:aws:iam::111111111111:user/admin is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/x/open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := assume(c.role)
			if c.external != "" {
				in.ExternalId = &c.external
			}
			_, err := w.as(c.account, c.user).AssumeRole(t.Context(), in)
			if c.code == "" && err != nil {
				t.Fatal(err)
			}
			if c.code != "" {
				wantRefusal(t, err, c.code, c.message)
			}
		})
	}
}

func TestAssumeRole_Chain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.addRole("first", trustAcme, func(r *state.Role) { r.MaxSession = 4 * hour })
	second := w.addRole("second", `{"Effect":"Allow","Principal":{"AWS":"`+first+`"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}`,
		func(r *state.Role) { r.MaxSession = 4 * hour })
	third := w.addRole("third", `{"Effect":"Allow","Principal":{"AWS":"`+second+`"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue","aws:SourceIdentity":"me"}}}`, nil)
	in := assume(first)
	in.DurationSeconds, in.SourceIdentity = aws.Int32(4*hour), aws.String("me")
	in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}, {Key: aws.String("mine"), Value: aws.String("x")}}
	in.TransitiveTagKeys = []string{"team"}
	one, err := w.as(acme, "admin").AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if one.PackedPolicySize == nil || *one.PackedPolicySize < 1 {
		t.Error("tags take no room")
	}
	in = assume(second)
	in.DurationSeconds = aws.Int32(2 * hour)
	_, err = w.with(one.Credentials).AssumeRole(t.Context(), in)
	wantRefusal(t, err, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	in.DurationSeconds, in.Tags = aws.Int32(hour), []types.Tag{{Key: aws.String("Team"), Value: aws.String("red")}}
	_, err = w.with(one.Credentials).AssumeRole(t.Context(), in)
	if code, _ := refusal(err); code != "InvalidParameterValue" {
		t.Errorf("a transitive tag was set again: %v", err)
	}
	in.Tags = nil
	two, err := w.with(one.Credentials).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if *two.SourceIdentity != "me" {
		t.Errorf("the source identity became %v", two.SourceIdentity)
	}
	three, err := w.with(two.Credentials).AssumeRole(t.Context(), assume(third))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.arn(w.with(three.Credentials)); got != "arn:aws:sts::111111111111:assumed-role/third/work" {
		t.Errorf("got %s", got)
	}
	claims, _, err := w.svc.keeper.Open(*three.Credentials.AccessKeyId, *three.Credentials.SessionToken, time.Now())
	if err != nil || len(claims.Session.Tags) != 1 || claims.Session.Tags["team"] != "blue" {
		t.Errorf("the third session has %v, %v", claims, err)
	}
}

// TestAssumeRole_SessionPolicies: what the role's session may is bounded by the policies that came along.
func TestAssumeRole_SessionPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.addRole("wide", trustAcme, nil)
	onward := w.addRole("onward", `{"Effect":"Allow","Principal":{"AWS":"`+role+`"},"Action":"sts:AssumeRole"}`, nil)
	for name, c := range map[string]struct {
		edit    func(*sdk.AssumeRoleInput)
		allowed bool
	}{
		"none":              {nil, true},
		"one that allows":   {func(in *sdk.AssumeRoleInput) { in.Policy = document("Allow", "sts:AssumeRole") }, true},
		"one that does not": {func(in *sdk.AssumeRoleInput) { in.Policy = document("Allow", "ec2:*") }, false},
		"one that denies":   {func(in *sdk.AssumeRoleInput) { in.Policy = document("Deny", "sts:*") }, false},
		"a managed one": {func(in *sdk.AssumeRoleInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}}
		}, true},
		"a managed one that does not": {func(in *sdk.AssumeRoleInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess")}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := assume(role)
			if c.edit != nil {
				c.edit(in)
			}
			out, err := w.as(acme, "admin").AssumeRole(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if (out.PackedPolicySize != nil) != (c.edit != nil) {
				t.Errorf("packed size %v", out.PackedPolicySize)
			}
			_, err = w.with(out.Credentials).AssumeRole(t.Context(), assume(onward))
			if code, _ := refusal(err); (code == "") != c.allowed || !c.allowed && code != "AccessDenied" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func document(effect, action string) *string {
	return aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":%q,"Resource":"*"}]}`, effect, action))
}

func TestAssumeRole_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.addRole("r", trustAcme, nil)
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	for name, c := range map[string]struct {
		edit func(*sdk.AssumeRoleInput)
		code string
		want string
	}{
		"short session name":     {func(in *sdk.AssumeRoleInput) { in.RoleSessionName = aws.String("x") }, "ValidationError", "1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		"session name of blanks": {func(in *sdk.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError", `1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		"too short":              {func(in *sdk.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError", "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		"too long for AWS":       {func(in *sdk.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43_201) }, "ValidationError", "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"},
		"too long for the role":  {func(in *sdk.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3_601) }, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"malformed policy":       {func(in *sdk.AssumeRoleInput) { in.Policy = aws.String("{") }, "MalformedPolicyDocument", ""},
		"long policy":            {func(in *sdk.AssumeRoleInput) { in.Policy = aws.String(strings.Repeat(" ", 2049)) }, "ValidationError", ""},
		"policy that is not there": {func(in *sdk.AssumeRoleInput) {
			in.PolicyArns = []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::111111111111:policy/none")}}
		}, "NoSuchEntity", "Policy arn:aws:iam::111111111111:policy/none does not exist or is not attachable."},
		"tag twice":              {func(in *sdk.AssumeRoleInput) { in.Tags = []types.Tag{tag("a", "1"), tag("A", "2")} }, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"reserved tag":           {func(in *sdk.AssumeRoleInput) { in.Tags = []types.Tag{tag("aws:a", "1")} }, "InvalidParameterValue", ""},
		"transitive without tag": {func(in *sdk.AssumeRoleInput) { in.TransitiveTagKeys = []string{"a"} }, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."},
		"tags that do not fit": {func(in *sdk.AssumeRoleInput) {
			for i := range 50 {
				in.Tags = append(in.Tags, tag(fmt.Sprintf("key%d", i), noise(i, 250)))
			}
		}, "PackedPolicyTooLarge", ""},
		"second factor":           {func(in *sdk.AssumeRoleInput) { in.SerialNumber = aws.String("arn:aws:iam::111111111111:mfa/x") }, "UnsupportedOperation", "The parameter SerialNumber is not supported by Hive"},
		"code of a second factor": {func(in *sdk.AssumeRoleInput) { in.TokenCode = aws.String("123456") }, "UnsupportedOperation", "The parameter TokenCode is not supported by Hive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := assume(role)
			c.edit(in)
			_, err := w.as(acme, "admin").AssumeRole(t.Context(), in)
			code, message := refusal(err)
			if code != c.code || c.want != "" && message != c.want {
				t.Errorf("got %v, want %s %q", err, c.code, c.want)
			}
		})
	}
}

// noise is text that does not pack.
func noise(seed, n int) string {
	b, x := make([]byte, n), uint32(seed+1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = 'a' + byte(x%26)
	}
	return string(b)
}

// TestSessionsEnd: what ends a role's session holds with the next request.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (*world, *sdk.Client) {
		w := newWorld(t)
		out, err := w.as(acme, "admin").AssumeRole(t.Context(), assume(w.addRole("r", trustAcme, nil)))
		w.must(err)
		c := w.with(out.Credentials)
		if got := w.arn(c); got != "arn:aws:sts::111111111111:assumed-role/r/work" {
			t.Fatalf("got %s", got)
		}
		return w, c
	}
	for name, end := range map[string]func(*world){
		"sessions revoked": func(w *world) { w.editRole("r", func(r *state.Role) { r.RevokedBefore = state.At(time.Now()) }) },
		"role deleted":     func(w *world) { w.change(func(tx *state.Txn) { state.Roles.Delete(tx, state.RoleKey(acme, "r")) }) },
		"role made anew":   func(w *world) { w.editRole("r", func(r *state.Role) { r.ID = "AROAother" }) },
		"account suspended": func(w *world) {
			w.change(func(tx *state.Txn) {
				state.Accounts.Put(tx, &state.Account{ID: acme, Name: "a", Status: state.AccountSuspended})
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := begin(t)
			end(w)
			if got := w.arn(c); got != "InvalidClientTokenId" {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("revoked before it began", func(t *testing.T) {
		t.Parallel()
		w, _ := begin(t)
		w.editRole("r", func(r *state.Role) { r.RevokedBefore = state.At(time.Now().Add(-time.Millisecond)) }) // tokens count milliseconds
		out, err := w.as(acme, "admin").AssumeRole(t.Context(), assume("arn:aws:iam::111111111111:role/r"))
		w.must(err)
		if got := w.arn(w.with(out.Credentials)); got != "arn:aws:sts::111111111111:assumed-role/r/work" {
			t.Errorf("a session that is younger than the revocation: %s", got)
		}
	})
	t.Run("its time is over", func(t *testing.T) {
		t.Parallel()
		w, _ := begin(t)
		old := w.made(session.Claims{AccountID: acme, Type: apigw.PrincipalAssumedRole, Session: apigw.Session{RoleARN: "arn:aws:iam::111111111111:role/r", RoleID: "AROAr", Name: "x",
			Issued: time.Now().Add(-time.Hour), Expires: time.Now().Add(-time.Second)}})
		if got := w.arn(w.with(old)); got != "ExpiredToken" {
			t.Errorf("got %s", got)
		}
	})
}
