// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// The instance profiles of alice: "web" and "batch" have the role "worker", "bare" has none.
const workerRole = "arn:aws:iam::" + alice + ":role/worker"

func profileARN(name string) string { return "arn:aws:iam::" + alice + ":instance-profile/" + name }

func (w *world) addProfiles(tb testing.TB) {
	tb.Helper()
	w.must(tb, command.CreateRole{Role: state.Role{AccountID: alice, Name: "worker", ID: "AROAWORKER", Path: "/", MaxSession: 3600,
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`}})
	for name, id := range map[string]string{"web": "AIPAWEB", "batch": "AIPABATCH", "bare": "AIPABARE"} {
		w.must(tb, command.CreateInstanceProfile{Profile: state.InstanceProfile{AccountID: alice, Name: name, ID: id, Path: "/"}})
		if name != "bare" {
			w.must(tb, command.SetProfileRole{AccountID: alice, Profile: name, Role: "worker"})
		}
	}
}

// withProfile launches with a profile.
func withProfile(spec types.IamInstanceProfileSpecification) func(*sdk.RunInstancesInput) {
	return func(in *sdk.RunInstancesInput) { in.IamInstanceProfile = &spec }
}

func TestRunInstances_WithAProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addProfiles(t)
	byName := w.run(t, alice, 1, withProfile(types.IamInstanceProfileSpecification{Name: ptr("web")}))[0]
	byARN := w.run(t, alice, 1, withProfile(types.IamInstanceProfileSpecification{Arn: ptr(profileARN("batch"))}))[0]
	w.run(t, alice, 1)
	out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), &sdk.DescribeInstancesInput{InstanceIds: []string{byName}})
	if err != nil {
		t.Fatal(err)
	}
	if p := out.Reservations[0].Instances[0].IamInstanceProfile; p == nil || *p.Arn != profileARN("web") || *p.Id != "AIPAWEB" {
		t.Errorf("got %+v", p)
	}
	for filter, want := range map[[2]string]string{{"iam-instance-profile.arn", profileARN("batch")}: byARN, {"iam-instance-profile.id", "AIPAWEB"}: byName} {
		if got := describedIDs(t, w, alice, &sdk.DescribeInstancesInput{Filters: filters(filter[0], filter[1])}); len(got) != 1 || got[0] != want {
			t.Errorf("%v: got %v, want %s", filter, got, want)
		}
	}
	associations := w.associations(t, alice, &sdk.DescribeIamInstanceProfileAssociationsInput{Filters: filters("instance-id", byARN)})
	if len(associations) != 1 || associations[0].State != "associated" || *associations[0].IamInstanceProfile.Id != "AIPABATCH" || !strings.HasPrefix(*associations[0].AssociationId, "iip-assoc-") {
		t.Errorf("got %+v", associations)
	}
	w.terminate(t, alice, byARN)
	if got := w.associations(t, alice, &sdk.DescribeIamInstanceProfileAssociationsInput{}); len(got) != 1 {
		t.Errorf("after the instance was terminated: %+v", got)
	}
	if got := w.associations(t, bob, &sdk.DescribeIamInstanceProfileAssociationsInput{}); len(got) != 0 {
		t.Errorf("another account sees %+v", got)
	}
}

func (w *world) associations(tb testing.TB, account string, in *sdk.DescribeIamInstanceProfileAssociationsInput) []types.IamInstanceProfileAssociation {
	tb.Helper()
	out, err := w.svc.DescribeIamInstanceProfileAssociations(w.as(tb, account, "DescribeIamInstanceProfileAssociations"), in)
	if err != nil {
		tb.Fatal(err)
	}
	return out.IamInstanceProfileAssociations
}

func TestProfiles_Refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addProfiles(t)
	launch := func(account string, spec types.IamInstanceProfileSpecification) error {
		in := &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: ptr[int32](1), MaxCount: ptr[int32](1), IamInstanceProfile: &spec}
		_, err := w.svc.RunInstances(w.as(t, account, "RunInstances"), in)
		return err
	}
	named := func(name string) types.IamInstanceProfileSpecification {
		return types.IamInstanceProfileSpecification{Name: &name}
	}
	had, without, gone := w.run(t, alice, 1, withProfile(named("web")))[0], w.run(t, alice, 1)[0], w.run(t, alice, 1)[0]
	w.terminate(t, alice, gone)
	associate := func(id, profile string) error {
		_, err := w.svc.AssociateIamInstanceProfile(w.as(t, alice, "AssociateIamInstanceProfile"), &sdk.AssociateIamInstanceProfileInput{InstanceId: &id, IamInstanceProfile: ptr(named(profile))})
		return err
	}
	disassociate := func(id string) error {
		_, err := w.svc.DisassociateIamInstanceProfile(w.as(t, alice, "DisassociateIamInstanceProfile"), &sdk.DisassociateIamInstanceProfileInput{AssociationId: &id})
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"unknown name":          {launch(alice, named("nope")), "InvalidParameterValue: Value (nope) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"},
		"unknown ARN":           {launch(alice, types.IamInstanceProfileSpecification{Arn: ptr(profileARN("nope"))}), "InvalidParameterValue: Value (" + profileARN("nope") + ") for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"},
		"another account's ARN": {launch(bob, types.IamInstanceProfileSpecification{Arn: ptr(profileARN("web"))}), "InvalidParameterValue: Value (" + profileARN("web") + ") for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"},
		"name and ARN":          {launch(alice, types.IamInstanceProfileSpecification{Arn: ptr(profileARN("web")), Name: ptr("web")}), "InvalidParameterCombination: The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'"},
		"without a role":        {launch(alice, named("bare")), "InvalidParameterValue: Value (bare) for parameter iamInstanceProfile.name is invalid. IAM Instance Profile \"" + profileARN("bare") + "\" has no associated IAM Roles"},
		"a second one":          {associate(had, "batch"), "IncorrectState: There is an existing association for instance " + had},
		"terminated":            {associate(gone, "web"), "IncorrectInstanceState: The instance '" + gone + "' is not in a valid state for this operation."},
		"no such instance":      {associate("i-00000000000000abc", "web"), "InvalidInstanceID.NotFound: The instance ID 'i-00000000000000abc' does not exist"},
		"malformed instance":    {associate("i-x", "web"), `InvalidInstanceID.Malformed: Invalid id: "i-x" (expecting "i-...")`},
		"no profile named":      {associate(without, ""), "MissingParameter: The request must contain the parameter IamInstanceProfile"},
		"no such association":   {disassociate("iip-assoc-00000000000000abc"), "InvalidAssociationID.NotFound: An invalid association-id of 'iip-assoc-00000000000000abc' was given"},
		"malformed association": {disassociate("x"), `InvalidAssociationID.Malformed: Invalid id: "x" (expecting "iip-assoc-...")`},
	} {
		if c.err == nil || !strings.HasSuffix(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, c.err, c.want)
		}
	}
}

func TestProfiles_AssociateReplaceDisassociate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addProfiles(t)
	id := w.run(t, alice, 1)[0]
	made, err := w.svc.AssociateIamInstanceProfile(w.as(t, alice, "AssociateIamInstanceProfile"),
		&sdk.AssociateIamInstanceProfileInput{InstanceId: &id, IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: ptr("web")}})
	if err != nil {
		t.Fatal(err)
	}
	first := made.IamInstanceProfileAssociation
	if first.State != "associating" || *first.InstanceId != id || *first.IamInstanceProfile.Arn != profileARN("web") {
		t.Errorf("associate: %+v", first)
	}
	replaced, err := w.svc.ReplaceIamInstanceProfileAssociation(w.as(t, alice, "ReplaceIamInstanceProfileAssociation"),
		&sdk.ReplaceIamInstanceProfileAssociationInput{AssociationId: first.AssociationId, IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: ptr("batch")}})
	if err != nil {
		t.Fatal(err)
	}
	second := replaced.IamInstanceProfileAssociation
	if *second.AssociationId == *first.AssociationId || *second.IamInstanceProfile.Arn != profileARN("batch") {
		t.Errorf("replace: %+v", second)
	}
	if got := w.associations(t, alice, &sdk.DescribeIamInstanceProfileAssociationsInput{Filters: filters("state", "associated")}); len(got) != 1 || *got[0].AssociationId != *second.AssociationId {
		t.Errorf("described: %+v", got)
	}
	if _, err := w.svc.DisassociateIamInstanceProfile(w.as(t, bob, "DisassociateIamInstanceProfile"), &sdk.DisassociateIamInstanceProfileInput{AssociationId: second.AssociationId}); err == nil {
		t.Error("another account ended it")
	}
	ended, err := w.svc.DisassociateIamInstanceProfile(w.as(t, alice, "DisassociateIamInstanceProfile"), &sdk.DisassociateIamInstanceProfileInput{AssociationId: second.AssociationId})
	if err != nil || ended.IamInstanceProfileAssociation.State != "disassociating" {
		t.Errorf("disassociate: %+v, %v", ended, err)
	}
	if got := w.associations(t, alice, &sdk.DescribeIamInstanceProfileAssociationsInput{}); len(got) != 0 {
		t.Errorf("it is still there: %+v", got)
	}
}

// TestProfiles_NeedPassRole: who may launch may not hand out a role because of it.
func TestProfiles_NeedPassRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.addProfiles(t)
	ec2Only := authztest.Statement{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
	pass := func(service string) authztest.Statement {
		return authztest.Statement{"Effect": "Allow", "Action": "iam:PassRole", "Resource": workerRole, "Condition": map[string]any{"StringEquals": map[string]any{"iam:PassedToService": service}}}
	}
	for name, c := range map[string]struct {
		statements []authztest.Statement
		allowed    bool
	}{
		"without":                 {[]authztest.Statement{ec2Only}, false},
		"with":                    {[]authztest.Statement{ec2Only, pass("ec2.amazonaws.com")}, true},
		"for another service":     {[]authztest.Statement{ec2Only, pass("lambda.amazonaws.com")}, false},
		"PassRole without launch": {[]authztest.Statement{pass("ec2.amazonaws.com")}, false},
	} {
		ctx := w.as(t, alice, "RunInstances")
		ctx = apigw.WithCall(ctx, apigw.CallFrom(ctx), apigw.CallConfig{Authorizer: authztest.By(t, c.statements...)})
		in := &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: ptr[int32](1), MaxCount: ptr[int32](1),
			IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: ptr("web")}}
		_, err := w.svc.RunInstances(ctx, in)
		if (err == nil) != c.allowed || err != nil && !strings.Contains(err.Error(), "UnauthorizedOperation") {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "without" && (err == nil || !strings.Contains(err.Error(), "is not authorized to perform: iam:PassRole on resource: "+workerRole)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
