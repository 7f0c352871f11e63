// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"errors"
	"slices"
	"testing"

	"github.com/hivecloud/hive/apigw/policy"
)

func TestSimulation_CustomPolicies(t *testing.T) {
	t.Parallel()
	held, err := Custom(Holdings{Tags: map[string]string{"team": "blue"}}, []string{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"arn:aws:ec2:*:*:instance/${aws:PrincipalTag/team}"}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ec2:TerminateInstances","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}}`,
	}, []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"ec2:RunInstances","Resource":"*"}}`})
	if err != nil {
		t.Fatal(err)
	}
	got := Simulation{Caller: user(), Held: held, Actions: []string{"ec2:StopInstances", "ec2:RunInstances", "ec2:TerminateInstances"},
		Resources: []string{"arn:aws:ec2:r:1:instance/blue", "arn:aws:ec2:r:1:instance/red"}, Context: map[string][]string{"aws:MultiFactorAuthPresent": {"false"}}}.Run()
	var outcomes []policy.Outcome
	for _, g := range got {
		outcomes = append(outcomes, g.Outcome)
	}
	want := []policy.Outcome{"allowed", "implicitDeny", "implicitDeny", "implicitDeny", "explicitDeny", "explicitDeny"}
	if !slices.Equal(outcomes, want) {
		t.Errorf("got %v, want %v", outcomes, want)
	}
	if first := got[0]; first.Matched[0].SourceID != "PolicyInputList.1" || first.Resource != "arn:aws:ec2:r:1:instance/blue" || len(first.Missing) != 0 || !*first.BoundaryAllows {
		t.Errorf("the first is %+v", first)
	}
	if run := got[2]; *run.BoundaryAllows {
		t.Error("the boundary allows RunInstances")
	}
	got = Simulation{Caller: user(), Held: held, Actions: []string{"ec2:TerminateInstances"}}.Run()
	if len(got) != 1 || got[0].Resource != "*" || !slices.Equal(got[0].Missing, []string{"aws:MultiFactorAuthPresent"}) {
		t.Errorf("without context %+v", got)
	}
}

func TestSimulation_RefusesWhatIsNoPolicy(t *testing.T) {
	t.Parallel()
	var refused *policy.Error
	if _, err := Custom(Holdings{}, []string{"{"}, nil); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	if !KnownAction("ec2:RunInstances") || KnownAction("ec2:FlyInstances") {
		t.Error("it does not know actions")
	}
}
