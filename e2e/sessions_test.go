// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// by calls a service with credentials (nil: the region's admin) and returns the answer, or the code of the refusal.
func (r *region) by(t *testing.T, keys *credentials, service, operation string, p params) (map[string]any, string) {
	t.Helper()
	out, refused, err := r.driver.call(keys, service, operation, p)
	if err != nil {
		t.Fatal(err)
	}
	if refused != nil {
		t.Logf("%s %s: %s: %s", service, operation, refused.Code, refused.Message)
		return nil, refused.Code
	}
	return out, ""
}

// sessionOf reads the credentials of an answer.
func sessionOf(t *testing.T, out map[string]any) *credentials {
	t.Helper()
	text := func(name string) string { s, _ := dig(out, "Credentials", name).(string); return s }
	c := &credentials{AccessKeyID: text("AccessKeyId"), SecretAccessKey: text("SecretAccessKey"), SessionToken: text("SessionToken")}
	if !strings.HasPrefix(c.AccessKeyID, "ASIA") || c.SecretAccessKey == "" || c.SessionToken == "" {
		t.Fatalf("no credentials in %v", out)
	}
	return c
}

func document(effect, action, more string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":%q,"Resource":"*"%s}]}`, effect, action, more)
}

// wantCode makes a call and compares the code of its refusal; "" is success.
func (r *region) wantCode(t *testing.T, keys *credentials, service, operation, want string) {
	t.Helper()
	if _, code := r.by(t, keys, service, operation, params{}); code != want {
		t.Errorf("%s:%s: got %q, want %q", service, operation, code, want)
	}
}

// TestSessions: a role is assumed, bounded and chained by botocore, and its sessions end when they are told to.
func TestSessions(t *testing.T) {
	r := shared
	me := r.must(t, nil, "sts", "GetCallerIdentity", nil)
	account, _ := dig(me, "Account").(string)
	trust := func(principal string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"}]}`, principal)
	}
	first := "arn:aws:iam::" + account + ":role/e2e-first"
	for name, principal := range map[string]string{"e2e-first": account, "e2e-second": account} {
		r.must(t, nil, "iam", "CreateRole", params{"RoleName": name, "AssumeRolePolicyDocument": trust(principal)})
		r.must(t, nil, "iam", "PutRolePolicy", params{"RoleName": name, "PolicyName": "p", "PolicyDocument": document("Allow", "ec2:Describe*", "")})
	}
	r.must(t, nil, "iam", "UpdateAssumeRolePolicy", params{"RoleName": "e2e-second", "PolicyDocument": trust(first)})
	assume := func(keys *credentials, role string, p params) *credentials {
		t.Helper()
		in := params{"RoleArn": "arn:aws:iam::" + account + ":role/" + role, "RoleSessionName": "e2e"}
		for name, value := range p {
			in[name] = value
		}
		out, code := r.by(t, keys, "sts", "AssumeRole", in)
		if code != "" {
			t.Fatalf("assume %s: %s", role, code)
		}
		return sessionOf(t, out)
	}
	one := assume(nil, "e2e-first", nil)
	r.wantCode(t, one, "ec2", "DescribeInstances", "")
	r.wantCode(t, one, "iam", "ListUsers", "AccessDenied")
	bounded := assume(nil, "e2e-first", params{"Policy": document("Allow", "ec2:DescribeRegions", "")})
	r.wantCode(t, bounded, "ec2", "DescribeRegions", "")
	r.wantCode(t, bounded, "ec2", "DescribeInstances", "UnauthorizedOperation")
	two := assume(one, "e2e-second", nil)
	if out, _ := r.by(t, two, "sts", "GetCallerIdentity", nil); dig(out, "Arn") != "arn:aws:sts::"+account+":assumed-role/e2e-second/e2e" {
		t.Errorf("the second role of the chain is %v", out)
	}
	forged := *one
	forged.SessionToken = two.SessionToken
	forged.AccessKeyID = "ASIA" + strings.Repeat("A", 16)
	r.wantCode(t, &forged, "sts", "GetCallerIdentity", "InvalidClientTokenId")
	r.wantCode(t, &forged, "ec2", "DescribeRegions", "AuthFailure")

	url := r.presignedIdentity(t, one)
	if status, body := r.fetch(t, url); status != 200 || !strings.Contains(body, ":assumed-role/e2e-first/e2e</Arn>") {
		t.Errorf("presigned GetCallerIdentity: %d %s", status, body)
	}
	// The console's "revoke older sessions" of AWS is this policy.
	older := fmt.Sprintf(`,"Condition":{"DateLessThan":{"aws:TokenIssueTime":%q}}`, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
	r.must(t, nil, "iam", "PutRolePolicy", params{"RoleName": "e2e-first", "PolicyName": "revoke", "PolicyDocument": document("Deny", "*", older)})
	r.wantCode(t, one, "ec2", "DescribeInstances", "UnauthorizedOperation")
	for _, role := range []string{"e2e-first", "e2e-second"} {
		for _, name := range []string{"p", "revoke"} {
			r.by(t, nil, "iam", "DeleteRolePolicy", params{"RoleName": role, "PolicyName": name})
		}
		r.must(t, nil, "iam", "DeleteRole", params{"RoleName": role})
	}
	r.wantCode(t, one, "sts", "GetCallerIdentity", "InvalidClientTokenId")
	r.wantCode(t, two, "ec2", "DescribeRegions", "AuthFailure")
	if status, body := r.fetch(t, url); status != 403 || !strings.Contains(body, "InvalidClientTokenId") {
		t.Errorf("presigned GetCallerIdentity of a role that is gone: %d %s", status, body)
	}
}

// presignedIdentity is a presigned GetCallerIdentity by the AWS SDK for Python.
func (r *region) presignedIdentity(t *testing.T, keys *credentials) string {
	t.Helper()
	cmd := exec.Command(python(), "testdata/presign.py", "get_caller_identity", "600", "sts")
	cmd.Env = append(append(os.Environ(), r.node.env...), "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey, "AWS_SESSION_TOKEN="+keys.SessionToken)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func (r *region) fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := r.https(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestSessionTokens: a user's own session and a federated user, and what becomes of them with the user's key; the AWS CLI
// once.
func TestSessionTokens(t *testing.T) {
	r := shared
	r.must(t, nil, "iam", "CreateUser", params{"UserName": "e2e-sessions"})
	r.must(t, nil, "iam", "PutUserPolicy", params{"UserName": "e2e-sessions", "PolicyName": "p", "PolicyDocument": document("Allow", "*", "")})
	made := r.must(t, nil, "iam", "CreateAccessKey", params{"UserName": "e2e-sessions"})
	text := func(name string) string { s, _ := dig(made, "AccessKey", name).(string); return s }
	user := &credentials{AccessKeyID: text("AccessKeyId"), SecretAccessKey: text("SecretAccessKey")}
	ask := func(operation string, p params) *credentials {
		t.Helper()
		out, code := r.by(t, user, "sts", operation, p)
		if code != "" {
			t.Fatalf("%s: %s", operation, code)
		}
		return sessionOf(t, out)
	}
	own := ask("GetSessionToken", nil)
	guest := ask("GetFederationToken", params{"Name": "guest", "Policy": document("Allow", "ec2:DescribeRegions", "")})
	r.wantCode(t, own, "ec2", "DescribeInstances", "")
	r.wantCode(t, own, "iam", "ListUsers", "InvalidClientTokenId")
	r.wantCode(t, guest, "ec2", "DescribeRegions", "")
	r.wantCode(t, guest, "ec2", "DescribeInstances", "UnauthorizedOperation")
	if out := r.aws(t, "sts", "get-session-token", "--duration-seconds", "900", "--query", "Credentials.AccessKeyId", "--output", "text"); !strings.HasPrefix(out, "ASIA") {
		t.Errorf("aws sts get-session-token: %s", out)
	}
	r.must(t, nil, "iam", "UpdateAccessKey", params{"UserName": "e2e-sessions", "AccessKeyId": user.AccessKeyID, "Status": "Inactive"})
	for _, keys := range []*credentials{own, guest} {
		r.wantCode(t, keys, "ec2", "DescribeRegions", "AuthFailure")
		r.wantCode(t, keys, "sts", "GetCallerIdentity", "InvalidClientTokenId")
	}
	r.must(t, nil, "iam", "DeleteAccessKey", params{"UserName": "e2e-sessions", "AccessKeyId": user.AccessKeyID})
	r.must(t, nil, "iam", "DeleteUserPolicy", params{"UserName": "e2e-sessions", "PolicyName": "p"})
	r.must(t, nil, "iam", "DeleteUser", params{"UserName": "e2e-sessions"})
}
