// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCLI_Smoke runs each served command of the real AWS CLI once: what a user types.
func TestCLI_Smoke(t *testing.T) {
	r := shared
	id := r.launch(t, nil)
	r.aws(t, "ec2", "wait", "instance-running", "--instance-ids", id)
	r.aws(t, "ec2", "wait", "instance-exists", "--instance-ids", id)
	volume := r.aws(t, "ec2", "describe-instances", "--instance-ids", id, "--query", "Reservations[0].Instances[0].BlockDeviceMappings[0].Ebs.VolumeId", "--output", "text")
	key := filepath.Join(t.TempDir(), "key.pub")
	if err := os.WriteFile(key, marshalKey(r.signer), 0o644); err != nil {
		t.Fatal(err)
	}
	account := r.aws(t, "sts", "get-caller-identity", "--query", "Account", "--output", "text")
	for _, c := range []struct {
		args string // split at spaces; ID, VOL, AMI, KEY, ACCT are filled in
		has  string // in the answer
	}{
		{"ec2 describe-instances --filters Name=instance-state-name,Values=running", "ID"},
		{"ec2 describe-instances --page-size 5", "ID"},
		{"ec2 describe-instance-status --instance-ids ID --include-all-instances", "running"},
		{"ec2 describe-instance-attribute --instance-id ID --attribute disableApiTermination", "false"},
		{"ec2 describe-instance-attribute --instance-id ID --attribute userData", "ID"},
		{"ec2 modify-instance-attribute --instance-id ID --disable-api-termination", ""},
		{"ec2 describe-instance-attribute --instance-id ID --attribute disableApiTermination", "true"},
		{"ec2 modify-instance-attribute --instance-id ID --no-disable-api-termination", ""},
		{"ec2 reset-instance-attribute --instance-id ID --attribute sourceDestCheck", ""},
		{"ec2 modify-instance-metadata-options --instance-id ID --http-tokens required", "required"},
		{"ec2 modify-instance-credit-specification --instance-credit-specifications InstanceId=ID,CpuCredits=standard", "ID"},
		{"ec2 describe-instance-credit-specifications --instance-ids ID", "standard"},
		{"ec2 monitor-instances --instance-ids ID", "enabled"},
		{"ec2 unmonitor-instances --instance-ids ID", "disabl"},
		{"ec2 get-console-output --instance-id ID --latest", "Output"},
		{"ec2 get-console-screenshot --instance-id ID", "ImageData"},
		{"ec2 describe-instance-types --instance-types t3.nano", "t3.nano"},
		{"ec2 describe-instance-types --filters Name=capacity,Values=true", "t3.nano"},
		{"ec2 describe-instance-type-offerings --location-type availability-zone", "ap-southeast-2a"},
		{"ec2 create-key-pair --key-name cli-ed --key-type ed25519 --tag-specifications ResourceType=key-pair,Tags=[{Key=a,Value=b}]", "-----BEGIN"},
		{"ec2 create-key-pair --key-name cli-rsa --key-format ppk", "PuTTY"},
		{"ec2 import-key-pair --key-name cli-import --public-key-material fileb://KEY", "cli-import"},
		{"ec2 describe-key-pairs --key-names cli-ed cli-rsa", "cli-rsa"},
		{"ec2 delete-key-pair --key-name cli-ed", ""},
		{"ec2 delete-key-pair --key-name cli-rsa", ""},
		{"ec2 delete-key-pair --key-name cli-import", ""},
		{"ec2 create-tags --resources ID VOL --tags Key=cli,Value=smoke", ""},
		{"ec2 describe-tags --filters Name=key,Values=cli", "smoke"},
		{"ec2 delete-tags --resources ID VOL --tags Key=cli", ""},
		{"ec2 describe-regions", "ap-southeast-2"},
		{"ec2 describe-availability-zones", "ap-southeast-2a"},
		{"ec2 describe-account-attributes --attribute-names supported-platforms default-vpc", "supported-platforms"},
		{"ec2 describe-images --owners self", "AMI"},
		{"ec2 describe-image-attribute --image-id AMI --attribute description", "AMI"},
		{"ec2 modify-image-attribute --image-id AMI --description smoke", ""},
		{"ec2 modify-image-attribute --image-id AMI --launch-permission Add=[{UserId=111122223333}]", ""},
		{"ec2 describe-image-attribute --image-id AMI --attribute launchPermission", "111122223333"},
		{"ec2 reset-image-attribute --image-id AMI --attribute launchPermission", ""},
		{"ec2 enable-image-deprecation --image-id AMI --deprecate-at 2030-01-01T00:00:00Z", ""},
		{"ec2 disable-image-deprecation --image-id AMI", ""},
		{"ec2 disable-image --image-id AMI", ""},
		{"ec2 enable-image --image-id AMI", ""},
		{"ec2 describe-snapshots --owner-ids self", "snap-"},
		{"ec2 describe-volumes --volume-ids VOL", "in-use"},
		{"ec2 describe-vpcs", "172.31.0.0/16"},
		{"ec2 describe-subnets", "172.31.0.0/20"},
		{"ec2 describe-security-groups --group-names default", "default"},
		{"ec2 describe-network-interfaces --filters Name=attachment.instance-id,Values=ID", "eni-"},
		{"ec2 create-placement-group --group-name cli-spread --strategy spread --spread-level rack --tag-specifications ResourceType=placement-group,Tags=[{Key=a,Value=b}]", "placement-group/cli-spread"},
		{"ec2 create-placement-group --group-name cli-parts --strategy partition --partition-count 3", "pg-"},
		{"ec2 describe-placement-groups --group-names cli-spread cli-parts", "cli-parts"},
		{"ec2 describe-placement-groups --filters Name=strategy,Values=partition", "cli-parts"},
		{"ec2 describe-tags --filters Name=resource-type,Values=placement-group", "pg-"},
		{"ec2 delete-placement-group --group-name cli-spread", ""},
		{"iam list-access-keys", "AKIA"},
		{"iam get-user", "user"},
		{"sts get-caller-identity", "ACCT"},
		{"cloudwatch list-metrics --namespace AWS/EC2 --recently-active PT3H", "Metrics"},
		{"cloudwatch get-metric-statistics --namespace AWS/EC2 --metric-name CPUUtilization --dimensions Name=InstanceId,Value=ID --start-time 2026-01-01T00:00:00Z --end-time 2026-01-02T00:00:00Z --period 3600 --statistics Average Maximum --extended-statistics p99", "CPUUtilization"},
		{"cloudwatch get-metric-data --metric-data-queries Id=a,MetricStat={Metric={Namespace=AWS/EC2,MetricName=NetworkIn},Period=3600,Stat=Sum} --start-time 2026-01-01T00:00:00Z --end-time 2026-01-02T00:00:00Z", "Complete"},
		{"ec2 reboot-instances --instance-ids ID", ""},
	} {
		fill := strings.NewReplacer("ID", id, "VOL", volume, "AMI", r.image, "KEY", key, "ACCT", account)
		var args []string
		for _, word := range strings.Fields(c.args) {
			if strings.Contains(word, "=ID") || word == "ID" || word == "VOL" || word == "AMI" || strings.HasPrefix(word, "fileb://") || strings.Contains(word, "InstanceId=ID") || strings.Contains(word, "Value=ID") {
				word = fill.Replace(word)
			}
			args = append(args, word)
		}
		out, err := r.tryAWS(args...)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := fill.Replace(c.has); !strings.Contains(out, want) {
			t.Errorf("aws %s: no %q in\n%s", c.args, want, out)
		}
	}
	r.aws(t, "ec2", "stop-instances", "--instance-ids", id, "--force")
	r.aws(t, "ec2", "wait", "instance-stopped", "--instance-ids", id)
	r.aws(t, "ec2", "modify-instance-attribute", "--instance-id", id, "--instance-type", "t3.micro")
	r.aws(t, "ec2", "modify-instance-attribute", "--instance-id", id, "--attribute", "userData", "--value", base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n")))
	r.aws(t, "ec2", "modify-instance-placement", "--instance-id", id, "--group-name", "cli-parts", "--partition-number", "2")
	if out := r.aws(t, "ec2", "describe-instances", "--filters", "Name=placement-group-name,Values=cli-parts", "Name=placement-partition-number,Values=2"); !strings.Contains(out, id) {
		t.Errorf("the instance is not in its partition:\n%s", out)
	}
	r.aws(t, "ec2", "start-instances", "--instance-ids", id)
	r.aws(t, "ec2", "wait", "instance-running", "--instance-ids", id)
	r.aws(t, "ec2", "terminate-instances", "--instance-ids", id)
	r.aws(t, "ec2", "wait", "instance-terminated", "--instance-ids", id)
	r.aws(t, "ec2", "delete-placement-group", "--group-name", "cli-parts")
}
