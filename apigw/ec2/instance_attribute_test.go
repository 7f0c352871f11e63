// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"encoding/base64"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/fsm/state"
)

// attributeXML is what DescribeInstanceAttribute puts on the wire, without its head.
func attributeXML(t *testing.T, w *world, id string, name types.InstanceAttributeName) string {
	t.Helper()
	out, err := w.svc.DescribeInstanceAttribute(w.as(t, alice, "DescribeInstanceAttribute"), &sdk.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: name})
	if err != nil {
		t.Fatalf("describe attribute %s: %v", name, err)
	}
	b, err := ec2wire.Codec().AppendResponse(nil, "DescribeInstanceAttribute", out, "r")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDescribeInstanceAttributeNamesEveryAttribute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) { in.UserData = ptr(base64.StdEncoding.EncodeToString([]byte("hello"))) })[0]
	bare := w.run(t, alice, 1)[0]
	row := w.row(t, id)
	for _, c := range []struct {
		id   string
		name types.InstanceAttributeName
		want string
	}{
		{id, "instanceType", "<instanceType><value>t3.micro</value></instanceType>"},
		{id, "kernel", "<kernel></kernel>"},
		{id, "ramdisk", "<ramdisk></ramdisk>"},
		{id, "userData", "<userData><value>aGVsbG8=</value></userData>"},
		{bare, "userData", "<userData></userData>"},
		{id, "disableApiTermination", "<disableApiTermination><value>false</value></disableApiTermination>"},
		{id, "disableApiStop", "<disableApiStop><value>false</value></disableApiStop>"},
		{id, "instanceInitiatedShutdownBehavior", "<instanceInitiatedShutdownBehavior><value>stop</value></instanceInitiatedShutdownBehavior>"},
		{id, "rootDeviceName", "<rootDeviceName><value>/dev/sda1</value></rootDeviceName>"},
		{id, "productCodes", "<productCodes/>"},
		{id, "sourceDestCheck", "<sourceDestCheck><value>true</value></sourceDestCheck>"},
		{id, "groupSet", "<groupSet><item><groupId>" + row.SecurityGroups[0] + "</groupId><groupName>default</groupName></item></groupSet>"},
		{id, "ebsOptimized", "<ebsOptimized><value>false</value></ebsOptimized>"},
		{id, "sriovNetSupport", "<sriovNetSupport></sriovNetSupport>"},
		{id, "enaSupport", "<enaSupport><value>true</value></enaSupport>"},
		{id, "enclaveOptions", "<enclaveOptions><enabled>false</enabled></enclaveOptions>"},
	} {
		want := "<instanceId>" + c.id + "</instanceId>"
		got := attributeXML(t, w, c.id, c.name)
		if !contains(got, want) || !contains(got, c.want) {
			t.Errorf("attribute %s: got %s, want %s", c.name, got, c.want)
		}
	}
	if got := attributeXML(t, w, id, "blockDeviceMapping"); !contains(got, "<volumeId>"+row.Devices[0].VolumeID+"</volumeId>") {
		t.Errorf("block device mapping: got %s", got)
	}
	for _, name := range types.InstanceAttributeName("").Values() {
		attributeXML(t, w, id, name)
	}
	_, err := w.svc.DescribeInstanceAttribute(w.as(t, alice, "x"), &sdk.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: "colour"})
	wantError(t, err, "InvalidParameterValue", "Value (colour) for parameter attribute is invalid. Unknown attribute.")
	_, err = w.svc.DescribeInstanceAttribute(w.as(t, alice, "x"), &sdk.DescribeInstanceAttributeInput{InstanceId: &id})
	wantError(t, err, "MissingParameter", "The request must contain the parameter attribute")
}

func TestModifyInstanceAttributeChangesTheRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	w.stop(t, alice, id)
	text := func(s string) *types.AttributeValue { return &types.AttributeValue{Value: &s} }
	for _, c := range []struct {
		name string
		in   sdk.ModifyInstanceAttributeInput
		want func(*state.Instance)
	}{
		{"type", sdk.ModifyInstanceAttributeInput{InstanceType: text("t2.small")}, func(i *state.Instance) {
			i.Type, i.Shape = "t2.small", state.Shape{VCPUs: 1, Cores: 1, ThreadsPerCore: 1, MemoryMiB: 2048}
		}},
		{"type by attribute and value", sdk.ModifyInstanceAttributeInput{Attribute: "instanceType", Value: ptr("t3.xlarge")}, func(i *state.Instance) {
			i.Type, i.Shape = "t3.xlarge", state.Shape{VCPUs: 4, Cores: 2, ThreadsPerCore: 2, MemoryMiB: 16384}
		}},
		{"termination protection", sdk.ModifyInstanceAttributeInput{DisableApiTermination: attributeFlag(true)}, func(i *state.Instance) { i.DisableAPITermination = true }},
		{"termination protection by attribute and value", sdk.ModifyInstanceAttributeInput{Attribute: "disableApiTermination", Value: ptr("false")}, func(i *state.Instance) { i.DisableAPITermination = false }},
		{"stop protection", sdk.ModifyInstanceAttributeInput{DisableApiStop: attributeFlag(true)}, func(i *state.Instance) { i.DisableAPIStop = true }},
		{"EBS-optimized", sdk.ModifyInstanceAttributeInput{EbsOptimized: attributeFlag(true)}, func(i *state.Instance) { i.EBSOptimized = true }},
		{"ENA", sdk.ModifyInstanceAttributeInput{EnaSupport: attributeFlag(false)}, func(i *state.Instance) { i.ENASupport = false }},
		{"SR-IOV", sdk.ModifyInstanceAttributeInput{SriovNetSupport: text("simple")}, func(i *state.Instance) { i.SriovNetSupport = "simple" }},
		{"source check", sdk.ModifyInstanceAttributeInput{SourceDestCheck: attributeFlag(false)}, func(i *state.Instance) { i.SourceDestCheck = false }},
		{"shutdown behaviour", sdk.ModifyInstanceAttributeInput{InstanceInitiatedShutdownBehavior: text("terminate")}, func(i *state.Instance) { i.ShutdownBehavior = "terminate" }},
		{"groups", sdk.ModifyInstanceAttributeInput{Groups: []string{"sg-0" + alice + "0000"}}, func(*state.Instance) {}},
		{"device", sdk.ModifyInstanceAttributeInput{Attribute: "blockDeviceMapping", BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{
			{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsInstanceBlockDeviceSpecification{DeleteOnTermination: ptr(false)}}}}, func(i *state.Instance) {
			i.Devices = append([]state.Device{}, i.Devices...)
			i.Devices[0].DeleteOnTermination = false
		}},
	} {
		want := *w.row(t, id)
		c.want(&want)
		c.in.InstanceId = &id
		if _, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "ModifyInstanceAttribute"), &c.in); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(&want, w.row(t, id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestModifyInstanceAttributeSetsAndClearsUserData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	w.stop(t, alice, id)
	for _, in := range []sdk.ModifyInstanceAttributeInput{
		{InstanceId: &id, UserData: &types.SecureBlobAttributeValue{Value: []byte("one")}},
		{InstanceId: &id, Attribute: "userData", Value: ptr(base64.StdEncoding.EncodeToString([]byte("one")))},
	} {
		if _, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "ModifyInstanceAttribute"), &in); err != nil {
			t.Fatal(err)
		}
		if got := w.FSM.View().UserData(w.row(t, id).UserDataHash); string(got) != "one" {
			t.Errorf("got user data %q", got)
		}
		clear := &sdk.ModifyInstanceAttributeInput{InstanceId: &id, UserData: &types.SecureBlobAttributeValue{Value: []byte{}}}
		if _, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "ModifyInstanceAttribute"), clear); err != nil {
			t.Fatal(err)
		}
		if got := w.row(t, id).UserDataHash; got != "" {
			t.Errorf("user data was not cleared: %s", got)
		}
	}
}

func TestModifyInstanceAttributeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	text := func(s string) *types.AttributeValue { return &types.AttributeValue{Value: &s} }
	notStopped := "The instance '" + id + "' is not in the 'stopped' state."
	for _, c := range []struct {
		name, code, message string
		in                  sdk.ModifyInstanceAttributeInput
	}{
		{"nothing", "InvalidParameterCombination", "No attributes specified.", sdk.ModifyInstanceAttributeInput{}},
		{"two attributes", "InvalidParameterCombination", "Fields for multiple attribute types specified: disableApiTermination, disableApiStop",
			sdk.ModifyInstanceAttributeInput{DisableApiTermination: attributeFlag(true), DisableApiStop: attributeFlag(true)}},
		{"value of no attribute", "MissingParameter", "", sdk.ModifyInstanceAttributeInput{Value: ptr("x")}},
		{"attribute of no value", "MissingParameter", "", sdk.ModifyInstanceAttributeInput{Attribute: "instanceType"}},
		{"unknown attribute", "InvalidParameterValue", "", sdk.ModifyInstanceAttributeInput{Attribute: "colour", Value: ptr("red")}},
		{"kernel", "UnsupportedOperation", "", sdk.ModifyInstanceAttributeInput{Attribute: "kernel", Value: ptr("aki-1")}},
		{"flag that is none", "InvalidParameterValue", "", sdk.ModifyInstanceAttributeInput{Attribute: "disableApiTermination", Value: ptr("maybe")}},
		{"type while running", "IncorrectInstanceState", notStopped, sdk.ModifyInstanceAttributeInput{InstanceType: text("t3.small")}},
		{"user data while running", "IncorrectInstanceState", notStopped, sdk.ModifyInstanceAttributeInput{UserData: &types.SecureBlobAttributeValue{Value: []byte("x")}}},
		{"unknown type", "InvalidInstanceAttributeValue", "", sdk.ModifyInstanceAttributeInput{InstanceType: text("t9.micro")}},
		{"type that the zone has not", "Unsupported", "", sdk.ModifyInstanceAttributeInput{InstanceType: text("m7i.large")}},
		{"behaviour", "InvalidParameterValue", "", sdk.ModifyInstanceAttributeInput{InstanceInitiatedShutdownBehavior: text("explode")}},
		{"group", "InvalidGroup.NotFound", "", sdk.ModifyInstanceAttributeInput{Groups: []string{"sg-0123456789abcdef0"}}},
		{"malformed group", "InvalidGroupId.Malformed", "", sdk.ModifyInstanceAttributeInput{Groups: []string{"default"}}},
		{"device", "InvalidInstanceAttributeValue", "No device is currently mapped at /dev/sdz", sdk.ModifyInstanceAttributeInput{
			BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{{DeviceName: ptr("/dev/sdz")}}}},
		{"another volume", "InvalidInstanceAttributeValue", "", sdk.ModifyInstanceAttributeInput{BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{
			{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsInstanceBlockDeviceSpecification{VolumeId: ptr("vol-0123456789abcdef0")}}}}},
		{"too much user data", "InvalidParameterValue", "", sdk.ModifyInstanceAttributeInput{UserData: &types.SecureBlobAttributeValue{Value: make([]byte, maxUserData+1)}}},
	} {
		c.in.InstanceId = &id
		_, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "ModifyInstanceAttribute"), &c.in)
		t.Run(c.name, func(t *testing.T) { wantError(t, err, c.code, c.message) })
	}
}

func TestResetInstanceAttribute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	if _, err := w.svc.ModifyInstanceAttribute(w.as(t, alice, "x"), &sdk.ModifyInstanceAttributeInput{InstanceId: &id, SourceDestCheck: attributeFlag(false)}); err != nil {
		t.Fatal(err)
	}
	reset := func(name types.InstanceAttributeName) error {
		_, err := w.svc.ResetInstanceAttribute(w.as(t, alice, "x"), &sdk.ResetInstanceAttributeInput{InstanceId: &id, Attribute: name})
		return err
	}
	if err := reset("sourceDestCheck"); err != nil || !w.row(t, id).SourceDestCheck {
		t.Errorf("got %v, %v", err, w.row(t, id).SourceDestCheck)
	}
	wantError(t, reset("kernel"), "IncorrectInstanceState", "")
	wantError(t, reset("instanceType"), "InvalidParameterValue", "")
	wantError(t, reset(""), "MissingParameter", "")
	w.stop(t, alice, id)
	if err := reset("ramdisk"); err != nil {
		t.Errorf("reset RAM disk of a stopped instance: %v", err)
	}
}
