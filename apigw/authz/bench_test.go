// SPDX-License-Identifier: Apache-2.0

//go:build bench

package authz

import (
	"fmt"
	"testing"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
)

// TestBenchAuthorize measures what authorization adds to a request: three resources with tags, ten policies, with
// documents compiled before (warm) and compiled for the request (cold).
func TestBenchAuthorize(t *testing.T) {
	var texts []string
	for i := range 10 {
		texts = append(texts, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":["arn:aws:s3:::team-%d/*"]},
			{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}},
			{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, i))
	}
	s := &StatePolicies{cache: cache{documents: map[text]*policy.Document{}}}
	tags := map[string]string{"team": "blue", "env": "prod"}
	var resources []apigw.Resource
	for _, r := range []string{"instance/i-1", "volume/vol-1", "network-interface/eni-1"} {
		resources = append(resources, apigw.Resource{ARN: "arn:aws:ec2:hive-1:111111111111:" + r, Account: account, Tags: tags, Conditions: map[string]string{"ec2:InstanceType": "t3.micro"}})
	}
	request := apigw.AuthzRequest{Principal: user(), Action: "ec2:StopInstances", Resources: resources, SecureTransport: true, Time: noon, Region: "hive-1", SourceIP: "10.0.0.1"}
	run := func(cold bool) testing.BenchmarkResult {
		return testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if cold {
					clear(s.cache.documents)
				}
				held := Holdings{Tags: tags}
				for _, body := range texts {
					d, err := s.cache.compile(policy.Identity, body)
					if err != nil {
						b.Fatal(err)
					}
					held.Set.Identity = append(held.Set.Identity, policy.Source{Document: d})
				}
				if d, err := (&Authorizer{}).decide(request, held); err != nil || !d.Allowed {
					b.Fatal(d, err)
				}
			}
		})
	}
	for name, cold := range map[string]bool{"warm": false, "cold": true} {
		r := run(cold)
		t.Logf("authorize 3 resources by 10 policies, %s: %8.1f us a request, %d allocations", name, float64(r.NsPerOp())/1e3, r.AllocsPerOp())
	}
}
