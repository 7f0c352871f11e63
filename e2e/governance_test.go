// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// must makes a call of any service that has to succeed.
func (r *region) must(t *testing.T, keys *credentials, service, operation string, p params) map[string]any {
	t.Helper()
	out, refused, err := r.driver.call(keys, service, operation, p)
	if err != nil || refused != nil {
		t.Fatalf("%s %s(%v): %v %+v", service, operation, p, err, refused)
	}
	return out
}

// code is the code of a call's refusal, "" for a success.
func (r *region) code(t *testing.T, keys *credentials, service, operation string, p params) string {
	t.Helper()
	_, code := r.by(t, keys, service, operation, p)
	return code
}

// TestKMS_EncryptsForTheAccountAlone goes through botocore's JSON 1.1.
func TestKMS_EncryptsForTheAccountAlone(t *testing.T) {
	r := shared
	other := otherAccount(t, r, "kms")
	key := dig(r.must(t, nil, "kms", "CreateKey", params{"Description": "e2e", "Tags": list{params{"TagKey": "a", "TagValue": "b"}}}), "KeyMetadata", "KeyId")
	r.must(t, nil, "kms", "CreateAlias", params{"AliasName": "alias/e2e", "TargetKeyId": key})
	secret := base64.StdEncoding.EncodeToString([]byte("a secret of the e2e test"))
	blob := r.must(t, nil, "kms", "Encrypt", params{"KeyId": "alias/e2e", "Plaintext": params{"$bytes": secret}, "EncryptionContext": params{"k": "v"}})["CiphertextBlob"]
	r.must(t, nil, "kms", "RotateKeyOnDemand", params{"KeyId": key})
	decrypt := params{"CiphertextBlob": params{"$bytes": blob}, "EncryptionContext": params{"k": "v"}}
	if got := r.must(t, nil, "kms", "Decrypt", decrypt)["Plaintext"]; got != secret {
		t.Errorf("decrypted %v", got)
	}
	for what, got := range map[string][2]string{
		"without context":    {r.code(t, nil, "kms", "Decrypt", params{"CiphertextBlob": params{"$bytes": blob}}), "InvalidCiphertextException"},
		"by another account": {r.code(t, other, "kms", "Decrypt", decrypt), "AccessDeniedException"},
		"another's key":      {r.code(t, other, "kms", "DescribeKey", params{"KeyId": key}), "NotFoundException"},
		"the alias twice":    {r.code(t, nil, "kms", "CreateAlias", params{"AliasName": "alias/e2e", "TargetKeyId": key}), "AlreadyExistsException"},
		"an RSA key":         {r.code(t, nil, "kms", "CreateKey", params{"KeySpec": "RSA_2048"}), "UnsupportedOperationException"},
		"an unserved action": {r.code(t, nil, "kms", "CreateGrant", params{"KeyId": key}), "UnknownOperationException"},
		"a key that is not":  {r.code(t, nil, "kms", "DescribeKey", params{"KeyId": "01234567-89ab-cdef-0123-456789abcdef"}), "NotFoundException"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got %q, want %q", what, got[0], got[1])
		}
	}
}

// TestAudit_HasEveryCall finds each call of a small suite by its name and error and without its secrets.
func TestAudit_HasEveryCall(t *testing.T) {
	r := shared
	other := otherAccount(t, r, "audited")
	want := map[string]string{} // event name -> error code
	for _, c := range []struct {
		service, operation string
		p                  params
		code               string // as the record has it
	}{
		{"ec2", "CreateKeyPair", params{"KeyName": "audited"}, ""},
		{"ec2", "DeleteKeyPair", params{"KeyName": "audited"}, ""},
		{"ec2", "TerminateInstances", params{"InstanceIds": list{"i-0123456789abcdef0"}}, "Client.InvalidInstanceID.NotFound"},
		{"ec2", "RunInstances", params{"ImageId": "ami-x", "MinCount": 1, "MaxCount": 1}, "Client.InvalidAMIID.Malformed"},
		{"iam", "CreateAccessKey", params{"UserName": "nobody"}, "NoSuchEntity"},
		{"iam", "ListUsers", params{}, ""},
		{"kms", "CreateKey", params{}, ""},
		{"kms", "CreateAlias", params{"AliasName": "alias/aws/x", "TargetKeyId": "x"}, "NotAuthorizedException"},
		{"sts", "GetCallerIdentity", params{}, ""},
	} {
		_ = r.code(t, other, c.service, c.operation, c.p)
		want[c.operation] = c.code
	}
	out := r.must(t, other, "cloudtrail", "LookupEvents", params{})
	got := map[string]string{}
	for _, e := range out["Events"].([]any) {
		var record map[string]any
		if err := json.Unmarshal([]byte(dig(e, "CloudTrailEvent").(string)), &record); err != nil {
			t.Fatal(err)
		}
		if record["recipientAccountId"] != other.Account || dig(record, "userIdentity", "accessKeyId") != other.AccessKeyID || dig(record, "userIdentity", "userName") != "admin" {
			t.Errorf("a record of somebody else: %v", record)
		}
		code, _ := record["errorCode"].(string)
		got[record["eventName"].(string)] = code
		if strings.Contains(fmt.Sprint(record), "BEGIN") {
			t.Errorf("key material is in %v", record)
		}
	}
	for name, code := range want {
		if have, ok := got[name]; !ok || have != code {
			t.Errorf("%s: recorded %v with %q, want %q", name, ok, have, code)
		}
	}
	only := r.must(t, other, "cloudtrail", "LookupEvents", params{"LookupAttributes": list{params{"AttributeKey": "EventName", "AttributeValue": "CreateKeyPair"}}})["Events"].([]any)
	if len(only) != 1 {
		t.Errorf("%d events of one name", len(only))
	}
}

// TestAccount_QuotaBoundSuspendDelete is an account's life as its operator sees it.
func TestAccount_QuotaBoundSuspendDelete(t *testing.T) {
	r, ctx := shared, context.Background()
	hive := func(args ...string) string {
		t.Helper()
		out, err := r.node.run(ctx, args...)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	other := otherAccount(t, r, "short-lived")
	hive("account", "quota", "set", "short-lived", "key-pairs", "1")
	quota := params{"ServiceCode": "ec2", "QuotaCode": "H-KEYPAIRS"}
	if got := dig(r.must(t, other, "service-quotas", "GetServiceQuota", quota), "Quota", "Value"); got != 1.0 {
		t.Errorf("the quota is %v", got)
	}
	r.must(t, other, "ec2", "CreateKeyPair", params{"KeyName": "one"})
	if got := r.code(t, other, "ec2", "CreateKeyPair", params{"KeyName": "two"}); got != "KeyPairLimitExceeded" {
		t.Errorf("beyond the quota: %s", got)
	}
	policy := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(policy, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:DescribeRegions","Resource":"*"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	hive("account", "scp", "put", "e2e", policy)
	hive("account", "scp", "attach", "e2e", "short-lived")
	if got := r.code(t, other, "ec2", "DescribeRegions", params{}); got != "UnauthorizedOperation" {
		t.Errorf("denied by a service control policy: %q", got)
	}
	if got := r.code(t, other, "ec2", "DescribeKeyPairs", params{}); got != "" {
		t.Errorf("allowed by it: %q", got)
	}
	hive("account", "suspend", "short-lived")
	if got := r.code(t, other, "sts", "GetCallerIdentity", params{}); got != "InvalidClientTokenId" {
		t.Errorf("suspended: %q", got)
	}
	hive("account", "resume", "short-lived")
	if got := r.code(t, other, "sts", "GetCallerIdentity", params{}); got != "" {
		t.Errorf("resumed: %q", got)
	}
	if out := hive("account", "delete", "short-lived", "--dry-run"); !strings.Contains(out, "key pairs") || !strings.Contains(out, "vpcs") {
		t.Errorf("the dry run lists %s", out)
	}
	hive("account", "suspend", "short-lived")
	hive("account", "delete", "short-lived", "--yes")
	if out := hive("account", "list"); strings.Contains(out, "short-lived") {
		t.Errorf("after its deletion: %s", out)
	}
	hive("account", "scp", "delete", "e2e")
	if got := r.code(t, other, "sts", "GetCallerIdentity", params{}); got != "InvalidClientTokenId" {
		t.Errorf("deleted: %q", got)
	}
}
