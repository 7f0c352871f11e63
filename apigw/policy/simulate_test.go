// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"testing"
)

func TestSimulateSaysWhatAndWhy(t *testing.T) {
	t.Parallel()
	text := `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":"s3:*","Resource":"*"},
 {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`
	set := Set{Identity: []Source{{ID: "PolicyInputList.1", Type: "IAM Policy", Document: parse(t, Identity, text)}}}
	ask := func(action string, keys Keys) Simulation {
		return Simulate(Request{Principal: alice, Action: action, Resource: "arn:aws:s3:::blue/x", Context: keys}, set)
	}
	got := ask("s3:GetObject", nil)
	if got.Outcome != OutcomeAllowed || !slices.Equal(got.Missing, []string{"aws:PrincipalTag/team", "aws:SourceIp"}) || got.BoundaryAllows != nil {
		t.Errorf("GetObject: %+v", got)
	}
	if want := (MatchedStatement{"PolicyInputList.1", "IAM Policy", Position{2, 2}, Position{2, 51}}); len(got.Matched) != 1 || got.Matched[0] != want {
		t.Errorf("matched %+v, want %+v", got.Matched, want)
	}
	if got := ask("ec2:RunInstances", nil); got.Outcome != OutcomeImplicit || len(got.Matched) != 0 {
		t.Errorf("RunInstances: %+v", got)
	}
	got = ask("s3:PutObject", NewKeys(map[string][]string{"aws:PrincipalTag/team": {"blue"}, "aws:SourceIp": {"10.0.0.1"}}))
	if got.Outcome != OutcomeExplicit || len(got.Missing) != 0 || len(got.Matched) != 1 || got.Matched[0].Start.Line != 3 {
		t.Errorf("PutObject: %+v", got)
	}
	set.Boundary = NewLayer(inside(t, Identity, allowEC2))
	set.SCPs = []Layer{{Sources: []Source{inside(t, SCP, allowAll)}}}
	got = ask("s3:GetObject", nil)
	if got.Outcome != OutcomeImplicit || *got.BoundaryAllows || !*got.OrganizationsAllow {
		t.Errorf("under a boundary: %+v", got)
	}
}
