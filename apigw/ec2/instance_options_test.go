// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestModifyInstanceMetadataOptionsKeepsWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	out, err := w.svc.ModifyInstanceMetadataOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceMetadataOptionsInput{InstanceId: &id, HttpTokens: "required", HttpPutResponseHopLimit: ptr[int32](3)})
	if err != nil {
		t.Fatal(err)
	}
	want := state.MetadataOptions{HTTPTokens: "required", HTTPEndpoint: "enabled", HTTPPutResponseHopLimit: 3, HTTPProtocolIPv6: "disabled", InstanceMetadataTags: "disabled"}
	if got := w.row(t, id).Metadata; got != want || out.InstanceMetadataOptions.HttpTokens != "required" {
		t.Errorf("got %+v, want %+v", got, want)
	}
	_, err = w.svc.ModifyInstanceMetadataOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceMetadataOptionsInput{InstanceId: &id, HttpPutResponseHopLimit: ptr[int32](0)})
	wantError(t, err, "InvalidParameterValue", "")
	_, err = w.svc.ModifyInstanceMetadataOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceMetadataOptionsInput{InstanceId: &id, HttpEndpoint: "on"})
	wantError(t, err, "InvalidParameterValue", "Invalid value 'on' for HttpEndpoint")
}

func TestModifyInstanceMaintenanceOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	out, err := w.svc.ModifyInstanceMaintenanceOptions(w.as(t, alice, "x"), &sdk.ModifyInstanceMaintenanceOptionsInput{InstanceId: &id, AutoRecovery: "disabled"})
	if err != nil || out.AutoRecovery != "disabled" || out.RebootMigration != "default" {
		t.Errorf("got %+v, %v", out, err)
	}
	if i := w.row(t, id); i.AutoRecovery != "disabled" || i.RebootMigration != "default" {
		t.Errorf("got row %s %s", i.AutoRecovery, i.RebootMigration)
	}
}

func TestModifyInstanceCpuOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) {
		in.InstanceType, in.CpuOptions = "t3.2xlarge", &types.CpuOptionsRequest{CoreCount: ptr[int32](2), ThreadsPerCore: ptr[int32](2)}
	})[0]
	if got, want := w.row(t, id).Shape, (state.Shape{VCPUs: 4, Cores: 2, ThreadsPerCore: 2, MemoryMiB: 32768}); got != want {
		t.Errorf("launched with %+v, want %+v", got, want)
	}
	in := &sdk.ModifyInstanceCpuOptionsInput{InstanceId: &id, CoreCount: ptr[int32](4), ThreadsPerCore: ptr[int32](1)}
	_, err := w.svc.ModifyInstanceCpuOptions(w.as(t, alice, "x"), in)
	wantError(t, err, "IncorrectInstanceState", "")
	w.stop(t, alice, id)
	out, err := w.svc.ModifyInstanceCpuOptions(w.as(t, alice, "x"), in)
	if err != nil || *out.CoreCount != 4 || w.row(t, id).Shape.VCPUs != 4 {
		t.Errorf("got %+v, %v, row %+v", out, err, w.row(t, id).Shape)
	}
}

func TestCreditSpecifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "t3.micro", "m5.large")
	unlimited := w.run(t, alice, 1)[0]
	standard := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) {
		in.CreditSpecification = &types.CreditSpecificationRequest{CpuCredits: ptr("standard")}
	})[0]
	fixed := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.InstanceType = "m5.large" })[0]
	theirs := w.run(t, bob, 1)[0]
	list := func(ids ...string) (*sdk.DescribeInstanceCreditSpecificationsOutput, error) {
		return w.svc.DescribeInstanceCreditSpecifications(w.as(t, alice, "DescribeInstanceCreditSpecifications"), &sdk.DescribeInstanceCreditSpecificationsInput{InstanceIds: ids})
	}
	out, err := list()
	if err != nil || len(out.InstanceCreditSpecifications) != 1 || *out.InstanceCreditSpecifications[0].InstanceId != unlimited {
		t.Errorf("all: got %+v, %v", out, err)
	}
	out, err = list(standard)
	if err != nil || *out.InstanceCreditSpecifications[0].CpuCredits != "standard" {
		t.Errorf("by id: got %+v, %v", out, err)
	}
	_, err = list(fixed)
	wantError(t, err, "InstanceCreditSpecification.NotSupported", "")
	var asked []types.InstanceCreditSpecificationRequest
	for _, id := range []string{standard, fixed, theirs, "i-x"} {
		asked = append(asked, types.InstanceCreditSpecificationRequest{InstanceId: &id, CpuCredits: ptr("unlimited")})
	}
	made, err := w.svc.ModifyInstanceCreditSpecification(w.as(t, alice, "x"), &sdk.ModifyInstanceCreditSpecificationInput{InstanceCreditSpecifications: asked})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.SuccessfulInstanceCreditSpecifications) != 1 || w.row(t, standard).CPUCredits != "unlimited" {
		t.Errorf("got %+v", made)
	}
	var codes []string
	for _, u := range made.UnsuccessfulInstanceCreditSpecifications {
		codes = append(codes, string(u.Error.Code))
	}
	if got := strings.Join(codes, " "); got != "InstanceCreditSpecification.NotSupported InvalidInstanceID.NotFound InvalidInstanceID.Malformed" {
		t.Errorf("got refusals %s", got)
	}
	in := launchInput(w)
	in.InstanceType, in.CreditSpecification = "m5.large", &types.CreditSpecificationRequest{CpuCredits: ptr("standard")}
	_, err = w.svc.RunInstances(w.as(t, alice, "x"), in)
	wantError(t, err, "InvalidParameterCombination", "")
}
