// SPDX-License-Identifier: Apache-2.0

package managed

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hivecloud/hive/apigw/policy"
)

func TestEveryPolicyIsWholeAndParses(t *testing.T) {
	t.Parallel()
	all := All()
	if lines := strings.Count(data, "\n"); len(all) != lines || lines < 50 {
		t.Errorf("%d policies in %d lines", len(all), lines)
	}
	ids := map[string]bool{}
	form := regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`)
	for _, p := range all {
		if p.Compiled == nil {
			_, err := policy.Parse(policy.Identity, p.Document)
			t.Errorf("%s does not parse: %v", p.Name, err)
		}
		if !form.MatchString(p.ID) || ids[p.ID] {
			t.Errorf("%s has the id %s", p.Name, p.ID)
		}
		ids[p.ID] = true
		if p.Created.IsZero() || p.Updated.Before(p.Created) || !strings.HasPrefix(p.Version, "v") || prefix+p.Path+p.Name != p.ARN {
			t.Errorf("%s: made %s, updated %s, %s, path %q of %s", p.Name, p.Created, p.Updated, p.Version, p.Path, p.ARN)
		}
	}
	if !slices.IsSortedFunc(all, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the policies are not in order")
	}
}

func TestPoliciesMeanWhatTheirNamesSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arn, action string
		want        bool
	}{
		{"AdministratorAccess", "iam:CreateUser", true},
		{"PowerUserAccess", "ec2:RunInstances", true},
		{"PowerUserAccess", "iam:CreateUser", false},
		{"ReadOnlyAccess", "ec2:DescribeInstances", true},
		{"ReadOnlyAccess", "ec2:RunInstances", false},
		{"job-function/ViewOnlyAccess", "ec2:DescribeInstances", true},
		{"job-function/ViewOnlyAccess", "s3:GetObject", false},
		{"AmazonEC2FullAccess", "ec2:TerminateInstances", true},
		{"AmazonEC2FullAccess", "iam:CreateUser", false},
		{"AmazonEC2ReadOnlyAccess", "ec2:DescribeVolumes", true},
		{"AmazonEC2ReadOnlyAccess", "ec2:CreateVolume", false},
		{"AmazonS3FullAccess", "s3:PutObject", true},
		{"AmazonS3ReadOnlyAccess", "s3:PutObject", false},
		{"IAMFullAccess", "iam:CreateUser", true},
		{"IAMReadOnlyAccess", "iam:GetUser", true},
		{"IAMReadOnlyAccess", "iam:CreateUser", false},
		{"SecurityAudit", "iam:ListUsers", true},
		{"CloudWatchReadOnlyAccess", "cloudwatch:GetMetricData", true},
		{"AmazonSSMManagedInstanceCore", "ssm:UpdateInstanceInformation", true},
		{"AWSDenyAll", "ec2:DescribeInstances", false},
	} {
		p, ok := Lookup(prefix + "/" + c.arn)
		if !ok {
			t.Errorf("there is no %s", c.arn)
			continue
		}
		d := policy.Evaluate(policy.Request{Principal: policy.Principal{Account: "123456789012"}, Action: c.action, Resource: "*"},
			policy.Set{Identity: []policy.Source{{ID: p.ARN, Document: p.Compiled}}})
		if d.Allowed != c.want {
			t.Errorf("%s and %s: allowed %v, want %v", c.arn, c.action, d.Allowed, c.want)
		}
	}
}
