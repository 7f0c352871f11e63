// SPDX-License-Identifier: Apache-2.0

//go:build bench

package policy

import (
	"fmt"
	"testing"
)

// tenPolicies is what an ordinary user has: groups' policies, a few own ones, a boundary and an SCP.
func tenPolicies(t testing.TB) Set {
	var s Set
	for i := range 8 {
		s.Identity = append(s.Identity, inside(t, Identity,
			fmt.Sprintf(`"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::team-%d","arn:aws:s3:::team-%d/*"]`, i, i),
			fmt.Sprintf(`"Effect":"Allow","Action":"ec2:Describe*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"hive-%d"}}`, i),
			`"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}`))
	}
	s.Identity = append(s.Identity, inside(t, Identity, `"Effect":"Allow","Action":["ec2:RunInstances","ec2:StartInstances"],"Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringLike":{"ec2:InstanceType":"t3.*"},"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}`))
	s.Boundary = NewLayer(inside(t, Identity, allowAll))
	return s
}

// TestBenchDecisions measures decisions with ten policies on one core. Hive's aim is 200,000 a second.
func TestBenchDecisions(t *testing.T) {
	keys := NewKeys(map[string][]string{"aws:SecureTransport": {"true"}, "aws:RequestedRegion": {"hive-1"}, "ec2:InstanceType": {"t3.micro"},
		"aws:ResourceTag/team": {"blue"}, "aws:PrincipalTag/team": {"blue"}, "aws:SourceIp": {"10.0.0.1"}})
	set := tenPolicies(t)
	for _, c := range []struct{ name, action, resource string }{
		{"RunInstances, conditions and variables", "ec2:RunInstances", "arn:aws:ec2:hive-1:111111111111:instance/*"},
		{"GetObject, refused", "s3:GetObject", "arn:aws:s3:::other/file"},
	} {
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Evaluate(Request{Principal: alice, Action: c.action, Resource: c.resource, Context: keys}, set)
			}
		})
		t.Logf("%-40s %9.0f decisions/s/core, %d allocations", c.name, 1e9/float64(r.NsPerOp()), r.AllocsPerOp())
	}
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := Parse(Identity, statement(allowAll)); err != nil {
				b.Fatal(err)
			}
		}
	})
	t.Logf("%-40s %9.0f documents/s/core", "parse and compile a small document", 1e9/float64(r.NsPerOp()))
}
