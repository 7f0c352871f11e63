// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"testing"
)

// otherAccount makes a second account by the operator's command and returns its keys.
func otherAccount(t *testing.T, r *region, name string) *credentials {
	t.Helper()
	out, err := r.node.run(context.Background(), "account", "create", name, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var made any
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	keys := find(made)
	if keys == nil {
		t.Fatalf("account create printed no keys: %s", out)
	}
	return keys
}

// find looks for credentials anywhere in a JSON document.
func find(v any) *credentials {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	id, _ := m["accessKeyId"].(string)
	secret, _ := m["secretAccessKey"].(string)
	if id != "" && secret != "" {
		account, _ := m["account"].(string)
		return &credentials{AccessKeyID: id, SecretAccessKey: secret, Account: account}
	}
	for _, inner := range m {
		if c := find(inner); c != nil {
			return c
		}
	}
	return nil
}

// TestTwoAccounts_DoNotSeeEachOther: every id of one account is NotFound to the other, every list is disjoint.
func TestTwoAccounts_DoNotSeeEachOther(t *testing.T) {
	r := shared
	id := r.launch(t, nil)
	i := r.reach(t, id, "running")
	volume := dig(i, "BlockDeviceMappings", 0, "Ebs", "VolumeId")
	other := otherAccount(t, r, "neighbour")
	for _, c := range []struct {
		operation string
		p         params
		code      string
	}{
		{"DescribeInstances", params{"InstanceIds": list{id}}, "InvalidInstanceID.NotFound"},
		{"StopInstances", params{"InstanceIds": list{id}}, "InvalidInstanceID.NotFound"},
		{"TerminateInstances", params{"InstanceIds": list{id}}, "InvalidInstanceID.NotFound"},
		{"RebootInstances", params{"InstanceIds": list{id}}, "InvalidInstanceID.NotFound"},
		{"GetConsoleOutput", params{"InstanceId": id}, "InvalidInstanceID.NotFound"},
		{"ModifyInstanceAttribute", params{"InstanceId": id, "DisableApiTermination": params{"Value": true}}, "InvalidInstanceID.NotFound"},
		{"CreateTags", params{"Resources": list{id}, "Tags": list{params{"Key": "a", "Value": "b"}}}, "InvalidInstanceID.NotFound"},
		{"DescribeVolumes", params{"VolumeIds": list{volume}}, "InvalidVolume.NotFound"},
		{"DescribeImages", params{"ImageIds": list{r.image}}, "InvalidAMIID.NotFound"},
		{"DeregisterImage", params{"ImageId": r.image}, "InvalidAMIID.NotFound"},
		{"DescribeKeyPairs", params{"KeyNames": list{"e2e"}}, "InvalidKeyPair.NotFound"},
		{"RunInstances", params{"ImageId": r.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1}, "InvalidAMIID.NotFound"},
	} {
		out, refused, err := r.driver.call(other, "ec2", c.operation, c.p)
		if err != nil {
			t.Fatal(err)
		}
		if refused == nil || refused.Code != c.code {
			t.Errorf("%s by another account: got %v %v, want %s", c.operation, out, refused, c.code)
		}
	}
	for operation, key := range map[string]string{"DescribeInstances": "Reservations", "DescribeVolumes": "Volumes", "DescribeKeyPairs": "KeyPairs",
		"DescribeTags": "Tags", "DescribeSnapshots": "Snapshots", "DescribeNetworkInterfaces": "NetworkInterfaces"} {
		out, refused, err := r.driver.call(other, "ec2", operation, nil)
		if err != nil || refused != nil {
			t.Fatalf("%s: %v %v", operation, refused, err)
		}
		if rows, _ := out[key].([]any); len(rows) != 0 {
			t.Errorf("%s of a new account shows %v", operation, rows)
		}
	}
	who, refused, err := r.driver.call(other, "sts", "GetCallerIdentity", nil)
	if err != nil || refused != nil || who["Account"] == r.node.keys.Account {
		t.Fatalf("identity of the other account: %v %v %v", who, refused, err)
	}
}
