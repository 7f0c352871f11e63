// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/cloudtrail"
	"github.com/hivecloud/hive/apigw/cloudwatch"
	"github.com/hivecloud/hive/apigw/ec2"
	"github.com/hivecloud/hive/apigw/iam"
	"github.com/hivecloud/hive/apigw/kms"
	"github.com/hivecloud/hive/apigw/servicequotas"
	"github.com/hivecloud/hive/apigw/sts"
)

// served are the actions of each service, by botocore's name for it, with their members.
var served = map[string]apigw.Members{"ec2": ec2.Members, "iam": iam.Members, "sts": sts.Members, "kms": kms.Members, "cloudwatch": cloudwatch.Members,
	"cloudtrail": cloudtrail.Members, "service-quotas": servicequotas.Members}

// creates are actions whose name member names what is made, in the caller's own account: names of accounts do not collide.
var creates = []string{"CreateUser", "CreateRole", "CreateGroup", "CreatePolicy", "CreateInstanceProfile", "CreateKeyPair", "ImportKeyPair", "CreatePlacementGroup", "CreateAlias", "CreateAccountAlias"}

// estate is what an account owns: the values that stand for it in requests, by service and member.
type estate struct {
	of  map[string]map[string]string
	ids []string // what no other account may ever be shown
}

// furnish makes one of everything in the region's first account.
func furnish(t *testing.T, r *region) estate {
	t.Helper()
	text := func(v any, path ...any) string {
		s, _ := dig(v, path...).(string)
		if s == "" {
			t.Fatalf("nothing at %v of %v", path, v)
		}
		return s
	}
	instance := r.launch(t, nil)
	i := r.reach(t, instance, "running")
	r.must(t, nil, "ec2", "CreatePlacementGroup", params{"GroupName": "estate", "Strategy": "spread"})
	pair := r.must(t, nil, "ec2", "CreateKeyPair", params{"KeyName": "estate"})
	image := dig(r.must(t, nil, "ec2", "DescribeImages", params{"ImageIds": list{r.image}}), "Images", 0)
	group := dig(r.must(t, nil, "ec2", "DescribePlacementGroups", params{"GroupNames": list{"estate"}}), "PlacementGroups", 0)
	r.must(t, nil, "iam", "CreateGroup", params{"GroupName": "estate"})
	user := r.must(t, nil, "iam", "CreateUser", params{"UserName": "estate"})
	key := r.must(t, nil, "iam", "CreateAccessKey", params{"UserName": "estate"})
	account := text(r.must(t, nil, "sts", "GetCallerIdentity", nil), "Account")
	role := r.must(t, nil, "iam", "CreateRole", params{"RoleName": "estate", "AssumeRolePolicyDocument": fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"}]}`, account)})
	policy := r.must(t, nil, "iam", "CreatePolicy", params{"PolicyName": "estate", "PolicyDocument": document("Allow", "ec2:Describe*", "")})
	profile := r.must(t, nil, "iam", "CreateInstanceProfile", params{"InstanceProfileName": "estate"})
	cmk := r.must(t, nil, "kms", "CreateKey", nil)
	r.must(t, nil, "kms", "CreateAlias", params{"AliasName": "alias/estate", "TargetKeyId": text(cmk, "KeyMetadata", "KeyId")})
	eni := dig(i, "NetworkInterfaces", 0)
	e := estate{of: map[string]map[string]string{
		"ec2": {"InstanceId": instance, "VolumeId": text(i, "BlockDeviceMappings", 0, "Ebs", "VolumeId"), "ImageId": r.image, "KeyName": "estate",
			"SnapshotId": text(image, "BlockDeviceMappings", 0, "Ebs", "SnapshotId"), "KeyPairId": text(pair, "KeyPairId"), "GroupId": text(group, "GroupId"), "GroupName": "estate",
			"NetworkInterfaceId": text(eni, "NetworkInterfaceId"), "SubnetId": text(i, "SubnetId"), "VpcId": text(i, "VpcId"), "SecurityGroupId": text(i, "SecurityGroups", 0, "GroupId"), "Resource": instance},
		"iam": {"UserName": "estate", "GroupName": "estate", "RoleName": "estate", "InstanceProfileName": "estate", "PolicyArn": text(policy, "Policy", "Arn"),
			"PolicySourceArn": text(user, "User", "Arn"), "AccessKeyId": text(key, "AccessKey", "AccessKeyId"), "Arn": text(user, "User", "Arn")},
		"sts": {"RoleArn": text(role, "Role", "Arn")},
		"kms": {"KeyId": text(cmk, "KeyMetadata", "Arn"), "TargetKeyId": text(cmk, "KeyMetadata", "Arn"), "DestinationKeyId": text(cmk, "KeyMetadata", "Arn"), "AliasName": "alias/estate"},
	}}
	for _, of := range e.of {
		for member, value := range of {
			if !strings.HasSuffix(member, "Name") {
				e.ids = append(e.ids, value)
			}
		}
	}
	e.ids = append(e.ids, text(user, "User", "UserId"), text(role, "Role", "RoleId"), text(profile, "InstanceProfile", "InstanceProfileId"), text(policy, "Policy", "PolicyId"),
		text(cmk, "KeyMetadata", "KeyId"), text(i, "PrivateIpAddress")+`"`)
	return e
}

// state is the estate as its owner sees it.
func (e estate) state(t *testing.T, r *region) string {
	t.Helper()
	var all []any
	for _, c := range []struct {
		service, operation string
		p                  params
	}{
		{"ec2", "DescribeInstances", params{"InstanceIds": list{e.of["ec2"]["InstanceId"]}}},
		{"ec2", "DescribeImages", params{"ImageIds": list{r.image}}},
		{"ec2", "DescribeVolumes", params{"VolumeIds": list{e.of["ec2"]["VolumeId"]}}},
		{"ec2", "DescribeKeyPairs", params{"KeyNames": list{"estate"}}},
		{"ec2", "DescribePlacementGroups", params{"GroupNames": list{"estate"}}},
		{"iam", "GetUser", params{"UserName": "estate"}},
		{"iam", "ListAccessKeys", params{"UserName": "estate"}},
		{"iam", "ListUserPolicies", params{"UserName": "estate"}},
		{"iam", "GetGroup", params{"GroupName": "estate"}},
		{"iam", "GetRole", params{"RoleName": "estate"}},
		{"iam", "GetInstanceProfile", params{"InstanceProfileName": "estate"}},
		{"iam", "GetPolicy", params{"PolicyArn": e.of["iam"]["PolicyArn"]}},
		{"kms", "DescribeKey", params{"KeyId": "alias/estate"}},
		{"kms", "GetKeyPolicy", params{"KeyId": e.of["kms"]["KeyId"]}},
	} {
		out := r.must(t, nil, c.service, c.operation, c.p)
		delete(out, "ResponseMetadata")
		all = append(all, out)
	}
	return plainText(t, all)
}

func (e estate) clear(t *testing.T, r *region) {
	t.Helper()
	r.ok(t, "TerminateInstances", params{"InstanceIds": list{e.of["ec2"]["InstanceId"]}})
	r.must(t, nil, "ec2", "DeletePlacementGroup", params{"GroupName": "estate"})
	r.must(t, nil, "ec2", "DeleteKeyPair", params{"KeyName": "estate"})
	r.must(t, nil, "iam", "DeleteAccessKey", params{"UserName": "estate", "AccessKeyId": e.of["iam"]["AccessKeyId"]})
	r.must(t, nil, "iam", "DeleteUser", params{"UserName": "estate"})
	r.must(t, nil, "iam", "DeleteGroup", params{"GroupName": "estate"})
	r.must(t, nil, "iam", "DeleteRole", params{"RoleName": "estate"})
	r.must(t, nil, "iam", "DeleteInstanceProfile", params{"InstanceProfileName": "estate"})
	r.must(t, nil, "iam", "DeletePolicy", params{"PolicyArn": e.of["iam"]["PolicyArn"]})
	r.must(t, nil, "kms", "DeleteAlias", params{"AliasName": "alias/estate"})
	r.must(t, nil, "kms", "ScheduleKeyDeletion", params{"KeyId": e.of["kms"]["KeyId"]})
}

func plainText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// absent is a value like a given one that stands for nothing.
func absent(value string) string {
	last := "1"
	if strings.HasSuffix(value, "1") {
		last = "2"
	}
	return value[:len(value)-1] + last
}

// fillers complete a request so that it comes as far as looking for what it names.
var fillers = map[string]any{"RoleSessionName": "e2e", "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`,
	"InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "Password": "Correct-horse-7", "Status": "Inactive", "VersionId": "v1", "MonitoringEnabled": true, "Plaintext": "cGxhaW4=", "KeySpec": "AES_256", "Description": "d"}

// request is a call with one member, and fillers that the action has.
func request(members []string, service, member string, value any) params {
	p := params{}
	for name, filler := range fillers {
		if slices.Contains(members, name) && name != member {
			p[name] = filler
		}
	}
	if slices.ContainsFunc(members, func(m string) bool { return m == "Tags" || strings.HasPrefix(m, "Tags.") }) {
		p["Tags"] = list{map[string]any{"Key": "k", "Value": "v"}}
		if service == "kms" {
			p["Tags"] = list{map[string]any{"TagKey": "k", "TagValue": "v"}}
		}
	}
	p[member] = value
	return p
}

// answerOf is what a caller is told, with the value that was sent taken out.
func (r *region) answerOf(t *testing.T, keys *credentials, service, action string, p params, sent string) (text string, out map[string]any) {
	t.Helper()
	out, refused, err := r.driver.call(keys, service, action, p)
	if err != nil {
		t.Fatal(err)
	}
	if refused != nil {
		text = refused.Code + ": " + refused.Message
	} else {
		delete(out, "ResponseMetadata")
		text = plainText(t, out)
	}
	text = strings.ReplaceAll(text, sent, "SENT")
	return strings.ReplaceAll(text, sent[strings.LastIndex(sent, "/")+1:], "SENT"), out // some messages have an ARN's name
}

// TestTwoAccounts_WhatIsAnothersIsNotThere: to every action, whatever another account owns is as if it did not exist: the answer is
// that for an id which stands for nothing, word by word. No list shows it, and nothing that was tried changed it.
func TestTwoAccounts_WhatIsAnothersIsNotThere(t *testing.T) {
	r := shared
	e := furnish(t, r)
	other := otherAccount(t, r, "stranger")
	before := e.state(t, r)
	tried, told := 0, 0
	for _, service := range slices.Sorted(maps.Keys(served)) {
		for _, action := range slices.Sorted(maps.Keys(served[service])) {
			text, out := r.answerOf(t, other, service, action, params{}, "nothing")
			if out != nil {
				told++
				for _, id := range e.ids {
					if strings.Contains(text, id) {
						t.Errorf("%s %s shows %s of another account: %s", service, action, id, text)
					}
				}
			}
			if slices.Contains(creates, action) {
				continue
			}
			for _, full := range served[service][action] {
				member, _, _ := strings.Cut(full, "=")
				value, ok := e.of[service][member]
				if !ok {
					value = e.of[service][strings.TrimSuffix(member, "s")]
				}
				if value == "" {
					continue
				}
				wrap := func(v string) any {
					if ok || service == "iam" {
						return v
					}
					return list{v}
				}
				got, _ := r.answerOf(t, other, service, action, request(served[service][action], service, member, wrap(value)), value)
				want, _ := r.answerOf(t, other, service, action, request(served[service][action], service, member, wrap(absent(value))), absent(value))
				tried++
				if got != want {
					t.Errorf("%s %s tells %s of another account from one that is not there:\n%s\n%s", service, action, member, got, want)
				}
			}
		}
	}
	t.Logf("%d answers without and %d with what is another's", told, tried)
	if after := e.state(t, r); after != before {
		t.Errorf("it changed:\n%s\n%s", before, after)
	}
	e.clear(t, r)
}
