// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const identityConfig = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}
provider "aws" {}
resource "aws_kms_key" "k" {
  description             = "terraform"
  deletion_window_in_days = 7
  enable_key_rotation     = true
}
resource "aws_kms_alias" "a" {
  name          = "alias/terraform"
  target_key_id = aws_kms_key.k.key_id
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}
resource "aws_iam_policy" "p" {
  name        = "tf-policy"
  path        = "/tf/"
  description = "made by terraform"
  policy      = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:Describe*", Resource = "*" }] })
  tags        = { made_by = "terraform" }
}
resource "aws_iam_user" "u" {
  name                 = "tf-user"
  path                 = "/tf/"
  permissions_boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
  tags                 = { made_by = "terraform" }
}
resource "aws_iam_access_key" "k" { user = aws_iam_user.u.name }
resource "aws_iam_user_policy" "in" {
  name   = "in"
  user   = aws_iam_user.u.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Deny", Action = "ec2:RunInstances", Resource = "*" }] })
}
resource "aws_iam_user_policy_attachment" "u" {
  user       = aws_iam_user.u.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_iam_group" "g" { name = "tf-group" }
resource "aws_iam_group_membership" "m" {
  name  = "tf-membership"
  group = aws_iam_group.g.name
  users = [aws_iam_user.u.name]
}
resource "aws_iam_group_policy_attachment" "g" {
  group      = aws_iam_group.g.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
resource "aws_iam_role" "r" {
  name                 = "tf-role"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  description          = "made by terraform"
  max_session_duration = 7200
  tags                 = { made_by = "terraform" }
}
resource "aws_iam_role_policy" "in" {
  name   = "in"
  role   = aws_iam_role.r.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "ec2:DescribeRegions", Resource = "*" }] })
}
resource "aws_iam_role_policy_attachment" "r" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_iam_instance_profile" "ip" {
  name = "tf-profile"
  role = aws_iam_role.r.name
}
resource "aws_iam_account_alias" "a" { account_alias = "tf-alias" }
resource "aws_iam_account_password_policy" "pw" {
  minimum_password_length        = 12
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = 90
}
`

// TestTerraform_Identity applies users, groups, roles, policies, the account's settings and keys, plans without a
// difference and destroys.
func TestTerraform_Identity(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Fatal("terraform is not installed: https://developer.hashicorp.com/terraform/install")
	}
	tf := terraform{dir: t.TempDir(), env: append(append(os.Environ(), shared.node.env...), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1")}
	if config := offline(t); config != "" {
		tf.env = append(tf.env, "TF_CLI_CONFIG_FILE="+config)
	}
	if err := os.WriteFile(filepath.Join(tf.dir, "main.tf"), []byte(identityConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	tf.run(t, 0, "init", "-no-color")
	tf.run(t, 0, "apply", "-auto-approve", "-no-color")
	tf.run(t, 0, "plan", "-detailed-exitcode", "-no-color") // 2 would be a difference
	tf.run(t, 0, "destroy", "-auto-approve", "-no-color")
}

// TestIdentity_PoliciesHoldOnRealCalls: a user may do what its policies say, on EC2 and IAM, as conditions have it.
func TestIdentity_PoliciesHoldOnRealCalls(t *testing.T) {
	r := shared
	r.must(t, nil, "iam", "CreateUser", params{"UserName": "e2e-user"})
	keys := credentialsOf(t, r.must(t, nil, "iam", "CreateAccessKey", params{"UserName": "e2e-user"}))
	t.Cleanup(func() {
		r.by(t, nil, "iam", "DeleteUserPolicy", params{"UserName": "e2e-user", "PolicyName": "p"})
		r.by(t, nil, "iam", "DeleteAccessKey", params{"UserName": "e2e-user", "AccessKeyId": keys.AccessKeyID})
		r.must(t, nil, "iam", "DeleteUser", params{"UserName": "e2e-user"})
	})
	r.wantCode(t, keys, "ec2", "DescribeInstances", "UnauthorizedOperation")
	r.wantCode(t, keys, "iam", "ListUsers", "AccessDenied")
	r.wantCode(t, keys, "sts", "GetCallerIdentity", "")
	soon, past := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	when := func(operator, key, value string) string {
		return fmt.Sprintf(`,"Condition":{%q:{%q:%q}}`, operator, key, value)
	}
	region := r.node.value("AWS_REGION")
	for _, c := range []struct{ condition, want string }{
		{"", ""},
		{when("IpAddress", "aws:SourceIp", "127.0.0.0/8"), ""},
		{when("IpAddress", "aws:SourceIp", "10.0.0.0/8"), "UnauthorizedOperation"},
		{when("DateLessThan", "aws:CurrentTime", soon), ""},
		{when("DateLessThan", "aws:CurrentTime", past), "UnauthorizedOperation"},
		{when("Bool", "aws:SecureTransport", "true"), ""},
		{when("Bool", "aws:SecureTransport", "false"), "UnauthorizedOperation"},
		{when("Bool", "aws:MultiFactorAuthPresent", "true"), "UnauthorizedOperation"},
		{when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"), ""},
		{when("StringEquals", "aws:RequestedRegion", region), ""},
		{when("StringEquals", "ec2:Region", "eu-nowhere-1"), "UnauthorizedOperation"},
		{when("StringLike", "aws:PrincipalArn", "arn:aws:iam::*:user/e2e-*"), ""},
	} {
		r.must(t, nil, "iam", "PutUserPolicy", params{"UserName": "e2e-user", "PolicyName": "p", "PolicyDocument": document("Allow", "ec2:DescribeInstances", c.condition)})
		if _, code := r.by(t, keys, "ec2", "DescribeInstances", params{}); code != c.want {
			t.Errorf("with %s: got %q, want %q", c.condition, code, c.want)
		}
	}
	launch := params{"ImageId": r.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "DryRun": true}
	for _, c := range []struct{ document, want string }{
		{document("Allow", "ec2:*", ""), "DryRunOperation"},
		{document("Allow", "ec2:RunInstances", ""), "DryRunOperation"},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringNotEquals":{"ec2:InstanceType":"t3.micro"}}}]}`, "UnauthorizedOperation"},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:instance/*"}]}`, "UnauthorizedOperation"},
	} {
		r.must(t, nil, "iam", "PutUserPolicy", params{"UserName": "e2e-user", "PolicyName": "p", "PolicyDocument": c.document})
		if _, code := r.by(t, keys, "ec2", "RunInstances", launch); code != c.want {
			t.Errorf("a launch with %s: got %q, want %q", c.document, code, c.want)
		}
	}
	r.tagDecides(t, keys)
}

// tagDecides: a policy about tags, and the message that explains a refusal.
func (r *region) tagDecides(t *testing.T, keys *credentials) {
	t.Helper()
	r.must(t, nil, "ec2", "CreateKeyPair", params{"KeyName": "e2e-blue", "TagSpecifications": list{params{"ResourceType": "key-pair", "Tags": list{params{"Key": "team", "Value": "blue"}}}}})
	r.must(t, nil, "ec2", "CreateKeyPair", params{"KeyName": "e2e-red"})
	defer r.by(t, nil, "ec2", "DeleteKeyPair", params{"KeyName": "e2e-red"})
	r.must(t, nil, "iam", "PutUserPolicy", params{"UserName": "e2e-user", "PolicyName": "p",
		"PolicyDocument": document("Allow", "ec2:DeleteKeyPair", `,"Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}`)})
	_, refused, err := r.driver.call(keys, "ec2", "DeleteKeyPair", params{"KeyName": "e2e-red"})
	if err != nil || refused == nil || refused.Code != "UnauthorizedOperation" {
		t.Fatalf("a key pair without the tag: %+v (%v)", refused, err)
	}
	_, encoded, ok := strings.Cut(refused.Message, "Encoded authorization failure message: ")
	if !ok {
		t.Fatalf("the refusal has no encoded message: %s", refused.Message)
	}
	out := r.must(t, nil, "sts", "DecodeAuthorizationMessage", params{"EncodedMessage": strings.TrimSpace(encoded)})
	var decoded map[string]any
	if err := json.Unmarshal([]byte(fmt.Sprint(out["DecodedMessage"])), &decoded); err != nil || decoded["allowed"] != false {
		t.Errorf("decoded: %v (%v)", out, err)
	}
	if _, code := r.by(t, keys, "ec2", "DeleteKeyPair", params{"KeyName": "e2e-blue"}); code != "" {
		t.Errorf("a key pair with the tag: %s", code)
	}
}

// credentialsOf reads a new access key.
func credentialsOf(t *testing.T, out map[string]any) *credentials {
	t.Helper()
	id, _ := dig(out, "AccessKey", "AccessKeyId").(string)
	secret, _ := dig(out, "AccessKey", "SecretAccessKey").(string)
	if id == "" || secret == "" {
		t.Fatalf("no access key in %v", out)
	}
	return &credentials{AccessKeyID: id, SecretAccessKey: secret}
}

// TestIdentity_Commands: the operator makes a user with a profile, and the AWS CLI works by it.
func TestIdentity_Commands(t *testing.T) {
	r := shared
	home := t.TempDir()
	// What the environment says would win over the profile.
	bare := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	env := append(bare, "AWS_CONFIG_FILE="+filepath.Join(home, "aws", "config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(home, "aws", "credentials"))
	const refused = -2 // the two versions of the AWS CLI exit with 254 and 255
	run := func(want int, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want && (want != refused || code == 0) {
			t.Fatalf("%s %s: exit code %d, want %d\n%s", name, strings.Join(args, " "), code, want, out)
		}
		return string(out)
	}
	hive := func(want int, args ...string) string {
		t.Helper()
		return run(want, r.node.hive, r.node.args(args)...)
	}
	hive(0, "user", "create", "e2e-op", "--policy", "AmazonEC2ReadOnlyAccess", "--profile", "hive-op")
	if out := run(0, "aws", "--profile", "hive-op", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"); !strings.HasSuffix(strings.TrimSpace(out), ":user/e2e-op") {
		t.Errorf("identity by the profile: %s", out)
	}
	run(0, "aws", "--profile", "hive-op", "ec2", "describe-regions")
	if out := run(refused, "aws", "--profile", "hive-op", "ec2", "create-key-pair", "--key-name", "no"); !strings.Contains(out, "UnauthorizedOperation") {
		t.Errorf("a change by a reader: %s", out)
	}
	hive(5, "user", "create", "e2e-op2", "--profile", "hive-op") // the profile is taken
	hive(5, "user", "create", "E2E-OP")
	hive(3, "user", "create", "e2e-op2", "--policy", "Nothing")
	if out := hive(0, "user", "list"); !strings.Contains(out, "e2e-op") || strings.Contains(out, "e2e-op2") {
		t.Errorf("users: %s", out)
	}
	if out := hive(0, "policy", "simulate", "--user", "e2e-op", "--action", "ec2:RunInstances"); !strings.Contains(out, "implicitDeny") {
		t.Errorf("simulated: %s", out)
	}
	hive(2, "user", "delete", "e2e-op")
	hive(0, "user", "delete", "e2e-op", "--yes")
	run(refused, "aws", "--profile", "hive-op", "sts", "get-caller-identity")
}

// TestIdentity_CLISmoke calls IAM by the AWS CLI, one command of each kind.
func TestIdentity_CLISmoke(t *testing.T) {
	r := shared
	file := filepath.Join(t.TempDir(), "p.json")
	if err := os.WriteFile(file, []byte(document("Allow", "ec2:Describe*", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	account := r.aws(t, "sts", "get-caller-identity", "--query", "Account", "--output", "text")
	for _, c := range []struct{ args, has string }{
		{"iam create-user --user-name cli-user --tags Key=a,Value=b", "cli-user"},
		{"iam create-group --group-name cli-group", "cli-group"},
		{"iam add-user-to-group --group-name cli-group --user-name cli-user", ""},
		{"iam create-policy --policy-name cli-policy --policy-document file://FILE", "cli-policy"},
		{"iam attach-group-policy --group-name cli-group --policy-arn arn:aws:iam::ACCT:policy/cli-policy", ""},
		{"iam get-policy-version --policy-arn arn:aws:iam::ACCT:policy/cli-policy --version-id v1", "ec2:Describe*"},
		{"iam list-groups-for-user --user-name cli-user", "cli-group"},
		{"iam simulate-principal-policy --policy-source-arn arn:aws:iam::ACCT:user/cli-user --action-names ec2:DescribeInstances", "allowed"},
		{"iam get-account-summary", "Users"},
		{"iam get-account-authorization-details --filter User", "cli-user"},
		{"iam generate-credential-report", "COMPLETE"},
		{"iam get-credential-report", "Content"},
		{"iam list-policies --scope AWS --max-items 2", "arn:aws:iam::aws:policy/"},
		{"iam detach-group-policy --group-name cli-group --policy-arn arn:aws:iam::ACCT:policy/cli-policy", ""},
		{"iam delete-policy --policy-arn arn:aws:iam::ACCT:policy/cli-policy", ""},
		{"iam remove-user-from-group --group-name cli-group --user-name cli-user", ""},
		{"iam delete-group --group-name cli-group", ""},
		{"iam delete-user --user-name cli-user", ""},
	} {
		args := strings.Fields(strings.NewReplacer("ACCT", account, "FILE", file).Replace(c.args))
		if out := r.aws(t, args...); !strings.Contains(out, c.has) {
			t.Errorf("aws %s: %s", c.args, out)
		}
	}
}
