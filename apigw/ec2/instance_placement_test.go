// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"errors"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

func TestModifyInstancePlacement_MovesAStoppedInstance(t *testing.T) {
	t.Parallel()
	w := newRacks(t)
	client := w.serve(t)(alice)
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("apart"), Strategy: "spread"})
	parts := w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("parts"), Strategy: "partition"})
	id := w.run(t, alice, 1)[0]
	w.stop(t, alice, id)
	move := func(in sdk.ModifyInstancePlacementInput) *types.Placement {
		t.Helper()
		in.InstanceId = &id
		out, err := client.ModifyInstancePlacement(t.Context(), &in)
		if err != nil || !*out.Return {
			t.Fatalf("%+v: %v, %v", in, out, err)
		}
		shown, err := client.DescribeInstances(t.Context(), &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		return shown.Reservations[0].Instances[0].Placement
	}
	if p := move(sdk.ModifyInstancePlacementInput{GroupName: ptr("apart")}); *p.GroupName != "apart" || p.PartitionNumber != nil {
		t.Errorf("into the spread group: %+v", p)
	}
	if p := move(sdk.ModifyInstancePlacementInput{GroupId: parts.GroupId, PartitionNumber: ptr[int32](2)}); *p.GroupId != *parts.GroupId || *p.PartitionNumber != 2 {
		t.Errorf("into a partition: %+v", p)
	}
	if p := move(sdk.ModifyInstancePlacementInput{PartitionNumber: ptr[int32](1)}); *p.GroupName != "parts" || *p.PartitionNumber != 1 {
		t.Errorf("into another partition: %+v", p)
	}
	if p := move(sdk.ModifyInstancePlacementInput{Tenancy: "default", Affinity: "default"}); *p.GroupName != "parts" || *p.PartitionNumber != 1 {
		t.Errorf("tenancy and affinity as they are: %+v", p)
	}
	if _, err := client.StartInstances(t.Context(), &sdk.StartInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	if i := w.row(t, id); i.Partition != 1 {
		t.Errorf("started in partition %d", i.Partition)
	}
	w.Observe(t, id, "running")
	w.stop(t, alice, id)
	if p := move(sdk.ModifyInstancePlacementInput{GroupName: ptr("")}); p.GroupName != nil || p.GroupId != nil || p.PartitionNumber != nil {
		t.Errorf("out of the group: %+v", p)
	}
}

func TestModifyInstancePlacement_Refusals(t *testing.T) {
	t.Parallel()
	w := newRacks(t)
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("apart"), Strategy: "spread"})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("parts"), Strategy: "partition"})
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("near"), Strategy: "cluster"})
	running, stopped := w.run(t, alice, 1)[0], w.run(t, alice, 1)[0]
	w.stop(t, alice, stopped)
	for _, c := range []struct {
		in            sdk.ModifyInstancePlacementInput
		code, message string
	}{
		{sdk.ModifyInstancePlacementInput{GroupName: ptr("apart")}, "MissingParameter", "The request must contain the parameter instanceId"},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped}, "InvalidParameterCombination", "At least one attribute for affinity, host ID, tenancy, or placement group name must be specified in the request."},
		{sdk.ModifyInstancePlacementInput{InstanceId: ptr("i-1"), GroupName: ptr("apart")}, "InvalidInstanceID.Malformed", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: ptr("i-0123456789abcdef0"), GroupName: ptr("apart")}, "InvalidInstanceID.NotFound", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: &running, GroupName: ptr("apart")}, "IncorrectInstanceState", "The instance '" + running + "' is not in the 'stopped' state."},
		{sdk.ModifyInstancePlacementInput{InstanceId: &running, Tenancy: "default"}, "IncorrectInstanceState", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, GroupName: ptr("other")}, "InvalidPlacementGroup.Unknown", "The Placement Group 'other' is unknown."},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, GroupId: ptr("near")}, "InvalidPlacementGroupId.Malformed", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, GroupName: ptr("apart"), GroupId: ptr("pg-0123456789abcdef0")}, "InvalidParameterCombination", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, PartitionNumber: ptr[int32](1)}, "InvalidParameterCombination", "The parameter PartitionNumber needs a placement group."},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, GroupName: ptr(""), PartitionNumber: ptr[int32](1)}, "InvalidParameterCombination", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, GroupName: ptr("parts"), PartitionNumber: ptr[int32](3)}, "InvalidParameterValue", ""},
		{sdk.ModifyInstancePlacementInput{InstanceId: &stopped, GroupName: ptr("near")}, "InvalidParameterCombination", ""},
	} {
		_, err := w.svc.ModifyInstancePlacement(w.as(t, alice, "ModifyInstancePlacement"), &c.in)
		wantError(t, err, c.code, c.message)
	}
	if _, err := w.svc.ModifyInstancePlacement(w.as(t, alice, "x"), &sdk.ModifyInstancePlacementInput{InstanceId: &running, Affinity: "default"}); err != nil {
		t.Errorf("the affinity of a running instance as it is: %v", err)
	}
}

// A type that AWS does not put into clusters cannot get into one by the back door.
func TestModifyInstanceAttribute_TypeMustSuitTheGroup(t *testing.T) {
	t.Parallel()
	w := newRacks(t)
	w.group(t, alice, sdk.CreatePlacementGroupInput{GroupName: ptr("near"), Strategy: "cluster"})
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) {
		in.InstanceType, in.Placement = "m5.large", &types.Placement{GroupName: ptr("near")}
	})[0]
	w.stop(t, alice, id)
	_, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "ModifyInstanceAttribute"), &sdk.ModifyInstanceAttributeInput{InstanceId: &id, InstanceType: attribute("t3.micro")})
	wantError(t, err, "InvalidParameterCombination", "Cluster placement groups are not supported by the 't3.micro' instance type. Specify a supported instance type or change the placement group strategy, and try again.")
}

// Dedicated hosts do not exist: what names them is refused by its wire name.
func TestGateway_HostPlacementRefusedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := w.serve(t)(alice)
	id := w.run(t, alice, 1)[0]
	w.stop(t, alice, id)
	arn := ptr("arn:aws:resource-groups:eu-test-1:111111111111:group/hosts")
	for name, call := range map[string]func() error{
		"Placement.HostId": func() error {
			_, err := client.RunInstances(t.Context(), &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: ptr[int32](1), MaxCount: ptr[int32](1), Placement: &types.Placement{HostId: ptr("h-1")}})
			return err
		},
		"Placement.Affinity": func() error {
			_, err := client.RunInstances(t.Context(), &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: ptr[int32](1), MaxCount: ptr[int32](1), Placement: &types.Placement{Affinity: ptr("host")}})
			return err
		},
		"HostId": func() error {
			_, err := client.ModifyInstancePlacement(t.Context(), &sdk.ModifyInstancePlacementInput{InstanceId: &id, HostId: ptr("h-1")})
			return err
		},
		"HostResourceGroupArn": func() error {
			_, err := client.ModifyInstancePlacement(t.Context(), &sdk.ModifyInstancePlacementInput{InstanceId: &id, HostResourceGroupArn: arn})
			return err
		},
		"Tenancy": func() error {
			_, err := client.ModifyInstancePlacement(t.Context(), &sdk.ModifyInstancePlacementInput{InstanceId: &id, Tenancy: "dedicated"})
			return err
		},
		"Affinity": func() error {
			_, err := client.ModifyInstancePlacement(t.Context(), &sdk.ModifyInstancePlacementInput{InstanceId: &id, Affinity: "host"})
			return err
		},
		"LinkedGroupId": func() error {
			_, err := client.CreatePlacementGroup(t.Context(), &sdk.CreatePlacementGroupInput{GroupName: ptr("x"), Strategy: "spread", LinkedGroupId: ptr("pg-0123456789abcdef0")})
			return err
		},
	} {
		err := call()
		var refusal smithy.APIError
		if !errors.As(err, &refusal) || refusal.ErrorCode() != "UnsupportedOperation" || !strings.Contains(refusal.ErrorMessage(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
