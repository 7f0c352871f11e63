// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// launchInput is a launch that succeeds.
func launchInput(w *world) *sdk.RunInstancesInput {
	return &sdk.RunInstancesInput{ImageId: &w.image, InstanceType: "t3.micro", MinCount: ptr[int32](1), MaxCount: ptr[int32](1)}
}

func TestRunInstancesAnswersThePendingInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := launchInput(w)
	in.KeyName = ptr("alice")
	in.UserData = ptr(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n")))
	in.TagSpecifications = []types.TagSpecification{
		{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: ptr("Name"), Value: ptr("web")}}},
		{ResourceType: types.ResourceTypeVolume, Tags: []types.Tag{{Key: ptr("disk"), Value: ptr("")}}},
		{ResourceType: types.ResourceTypeNetworkInterface, Tags: []types.Tag{{Key: ptr("nic"), Value: ptr("1")}}},
	}
	out, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Instances) != 1 || *out.OwnerId != alice || !strings.HasPrefix(*out.ReservationId, "r-") {
		t.Fatalf("got reservation %+v", out)
	}
	i := out.Instances[0]
	got := map[string]string{
		"state": string(i.State.Name), "reason": valueOf(valueOf(i.StateReason).Code), "type": string(i.InstanceType), "key": valueOf(i.KeyName),
		"zone": valueOf(i.Placement.AvailabilityZone), "tenancy": string(i.Placement.Tenancy), "private": valueOf(i.PrivateIpAddress),
		"name": valueOf(i.PrivateDnsName), "tokens": string(i.MetadataOptions.HttpTokens), "monitoring": string(i.Monitoring.State),
		"root": valueOf(i.RootDeviceName), "arch": string(i.Architecture), "hypervisor": string(i.Hypervisor), "group": valueOf(i.SecurityGroups[0].GroupName),
		"status": string(i.BlockDeviceMappings[0].Ebs.Status), "tag": valueOf(i.Tags[0].Value), "recovery": string(i.MaintenanceOptions.AutoRecovery),
	}
	v := w.FSM.View()
	region, _ := v.Region()
	want := map[string]string{
		"state": "pending", "reason": "pending", "type": "t3.micro", "key": "alice", "zone": fsmtest.Zone, "tenancy": "default",
		"private": "172.31.0.4", "name": "ip-172-31-0-4." + region.DNSSuffix, "tokens": "optional", "monitoring": "disabled",
		"root": "/dev/sda1", "arch": "x86_64", "hypervisor": "xen", "group": "default", "status": "attaching", "tag": "web", "recovery": "default",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instance differs (-want +got):\n%s", diff)
	}
	if string(v.UserData(w.row(t, *i.InstanceId).UserDataHash)) != "#!/bin/sh\n" {
		t.Error("user data was not kept")
	}
	if tags := v.TagsOf(alice, *i.BlockDeviceMappings[0].Ebs.VolumeId); len(tags) != 1 || tags[0].Key != "disk" {
		t.Errorf("got volume tags %v", tags)
	}
	if tags := v.TagsOf(alice, *i.NetworkInterfaces[0].NetworkInterfaceId); len(tags) != 1 || tags[0].Key != "nic" {
		t.Errorf("got interface tags %v", tags)
	}
	if row := w.row(t, *i.InstanceId); row.PublicKey != "ssh-ed25519 AAAA alice" || row.CPUCredits != "unlimited" || row.Shape.VCPUs != 2 {
		t.Errorf("got row %+v", row)
	}
}

func TestRunInstancesLaunchesAReservation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := launchInput(w)
	in.MinCount, in.MaxCount = ptr[int32](2), ptr[int32](3)
	out, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range out.Instances {
		if *i.AmiLaunchIndex != int32(n) {
			t.Errorf("instance %d has launch index %d", n, *i.AmiLaunchIndex)
		}
	}
	if len(out.Instances) != 3 {
		t.Errorf("got %d instances, want 3", len(out.Instances))
	}
}

// ebsDevice is a block device mapping of one volume.
func ebsDevice(name string, e *types.EbsBlockDevice) []types.BlockDeviceMapping {
	return []types.BlockDeviceMapping{{DeviceName: &name, Ebs: e}}
}

// launchRefusals are launches that are refused, as changes to one that succeeds.
var launchRefusals = []struct {
	name, code, message string
	change              func(*sdk.RunInstancesInput)
}{
	{"no image", "MissingParameter", "The request must contain the parameter ImageId", func(in *sdk.RunInstancesInput) { in.ImageId = nil }},
	{"malformed image", "InvalidAMIID.Malformed", "", func(in *sdk.RunInstancesInput) { in.ImageId = ptr("ami-xyz") }},
	{"unknown image", "InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist", func(in *sdk.RunInstancesInput) { in.ImageId = ptr("ami-0123456789abcdef0") }},
	{"no type", "MissingParameter", "", func(in *sdk.RunInstancesInput) { in.InstanceType = "" }},
	{"unknown type", "InvalidParameterValue", "Invalid value 't9.micro' for InstanceType.", func(in *sdk.RunInstancesInput) { in.InstanceType = "t9.micro" }},
	{"type that no node offers", "Unsupported", "", func(in *sdk.RunInstancesInput) { in.InstanceType = "m7i.large" }},
	{"type of another architecture", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.InstanceType = "t4g.micro" }},
	{"no count", "MissingParameter", "", func(in *sdk.RunInstancesInput) { in.MinCount = nil }},
	{"zero count", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.MinCount = ptr[int32](0) }},
	{"max below min", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) { in.MinCount = ptr[int32](2) }},
	{"too many", "InstanceLimitExceeded", "", func(in *sdk.RunInstancesInput) { in.MinCount, in.MaxCount = ptr[int32](101), ptr[int32](101) }},
	{"unknown key", "InvalidKeyPair.NotFound", "The key pair 'nobody' does not exist", func(in *sdk.RunInstancesInput) { in.KeyName = ptr("nobody") }},
	{"unknown zone", "InvalidParameterValue", "Invalid availability zone: [mars-1a]", func(in *sdk.RunInstancesInput) { in.Placement = &types.Placement{AvailabilityZone: ptr("mars-1a")} }},
	{"zone without the type", "Unsupported", "Your requested instance type (t3.micro) is not supported in your requested Availability Zone (eu-test-1b). Please retry your request by not specifying an Availability Zone or choosing eu-test-1a.",
		func(in *sdk.RunInstancesInput) {
			in.Placement = &types.Placement{AvailabilityZone: ptr(fsmtest.Name + "b")}
		}},
	{"user data that is not base64", "InvalidUserData.Malformed", "", func(in *sdk.RunInstancesInput) { in.UserData = ptr("#!/bin/sh") }},
	{"too much user data", "InvalidParameterValue", "User data is limited to 16384 bytes", func(in *sdk.RunInstancesInput) {
		in.UserData = ptr(base64.StdEncoding.EncodeToString(make([]byte, maxUserData+1)))
	}},
	{"volume below the snapshot", "InvalidBlockDeviceMapping", "", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sda1", &types.EbsBlockDevice{VolumeSize: ptr[int32](4)})
	}},
	{"volume of no size", "InvalidBlockDeviceMapping", "Either snapshot ID or volume size must be provided for: /dev/sdf", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sdf", &types.EbsBlockDevice{})
	}},
	{"iops on gp2", "InvalidParameterCombination", "The parameter iops is not supported for gp2 volumes.", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sda1", &types.EbsBlockDevice{VolumeType: "gp2", Iops: ptr[int32](100)})
	}},
	{"io1 without iops", "MissingParameter", "", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sda1", &types.EbsBlockDevice{VolumeType: "io1"})
	}},
	{"hard disk as root", "InvalidParameterCombination", "", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sda1", &types.EbsBlockDevice{VolumeType: "st1", VolumeSize: ptr[int32](125)})
	}},
	{"other snapshot as root", "InvalidBlockDeviceMapping", "snapshotId cannot be modified on root device", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sda1", &types.EbsBlockDevice{SnapshotId: ptr("snap-0123456789abcdef0")})
	}},
	{"unknown snapshot", "InvalidSnapshot.NotFound", "The snapshot 'snap-0123456789abcdef0' does not exist.", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("/dev/sdf", &types.EbsBlockDevice{SnapshotId: ptr("snap-0123456789abcdef0")})
	}},
	{"bad device name", "InvalidParameterValue", "Value (disk1) for parameter device is invalid. disk1 is not a valid EBS device name.", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = ebsDevice("disk1", &types.EbsBlockDevice{VolumeSize: ptr[int32](1)})
	}},
	{"device twice", "InvalidBlockDeviceMapping", "", func(in *sdk.RunInstancesInput) {
		d := ebsDevice("/dev/sdf", &types.EbsBlockDevice{VolumeSize: ptr[int32](1)})
		in.BlockDeviceMappings = append(d, d...)
	}},
	{"root left out", "InvalidBlockDeviceMapping", "", func(in *sdk.RunInstancesInput) {
		in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: ptr("/dev/sda1"), NoDevice: ptr("")}}
	}},
	{"hop limit", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) {
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpPutResponseHopLimit: ptr[int32](65)}
	}},
	{"no such token mode", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) {
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: "maybe"}
	}},
	{"half a topology", "MissingParameter", "When specifying CpuOptions you must specify both CoreCount and ThreadsPerCore.", func(in *sdk.RunInstancesInput) {
		in.CpuOptions = &types.CpuOptionsRequest{CoreCount: ptr[int32](1)}
	}},
	{"impossible topology", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) {
		in.CpuOptions = &types.CpuOptionsRequest{CoreCount: ptr[int32](3), ThreadsPerCore: ptr[int32](1)}
	}},
	{"credit option", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) {
		in.CreditSpecification = &types.CreditSpecificationRequest{CpuCredits: ptr("many")}
	}},
	{"EBS-optimized t2", "Unsupported", "", func(in *sdk.RunInstancesInput) { in.InstanceType, in.EbsOptimized = "t2.micro", ptr(true) }},
	{"unknown group", "InvalidGroup.NotFound", "", func(in *sdk.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }},
	{"another account's group", "InvalidGroup.NotFound", "", func(in *sdk.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0" + bob + "0000"} }},
	{"another account's subnet", "InvalidSubnetID.NotFound", "", func(in *sdk.RunInstancesInput) { in.SubnetId = ptr("subnet-0" + bob + "000a") }},
	{"tags of what is not made", "InvalidParameterValue", "", func(in *sdk.RunInstancesInput) {
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}}
	}},
}

func TestRunInstancesRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range launchRefusals {
		in := launchInput(w)
		c.change(in)
		_, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
		t.Run(c.name, func(t *testing.T) { wantError(t, err, c.code, c.message) })
	}
	if n := state.Instances.Count(w.FSM.View()); n != 0 {
		t.Errorf("refused launches left %d instances", n)
	}
}

func TestRunInstancesDryRunValidatesAndLaunchesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.as(t, alice, "RunInstances")
	apigw.CallFrom(ctx).DryRun = true
	_, err := w.svc.RunInstances(ctx, launchInput(w))
	wantError(t, err, "DryRunOperation", awserr.DryRunOperation().Message)
	in := launchInput(w)
	in.ImageId = ptr("ami-0123456789abcdef0")
	_, err = w.svc.RunInstances(ctx, in)
	wantError(t, err, "InvalidAMIID.NotFound", "")
	if len(w.proposed) != 0 {
		t.Errorf("a dry run proposed %v", w.proposed)
	}
}

func TestRunInstancesRepeatsTheOutcomeOfAClientToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := launchInput(w)
	in.ClientToken, in.KeyName = ptr("token-1"), ptr("alice")
	first, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	if err != nil {
		t.Fatal(err)
	}
	if *first.ReservationId != *second.ReservationId || *first.Instances[0].InstanceId != *second.Instances[0].InstanceId {
		t.Errorf("got %s and %s, want one reservation", *first.ReservationId, *second.ReservationId)
	}
	w.must(t, command.DeleteKeyPair{AccountID: alice, Name: "alice"})
	if third, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in); err != nil || *first.ReservationId != *third.ReservationId {
		t.Errorf("after the key pair has gone: got %+v, %v", third, err)
	}
	in.InstanceType = "t3.small"
	_, err = w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	wantError(t, err, "IdempotentParameterMismatch", "")
	in.KeyName = nil
	if _, err := w.svc.RunInstances(w.as(t, bob, "RunInstances"), in); err != nil {
		t.Errorf("another account's token collides: %v", err)
	}
}

func TestRunInstancesLaysDevicesOverTheImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image, _ := state.Images.Get(w.FSM.View(), state.AnyAccount, w.image)
	in := launchInput(w)
	in.BlockDeviceMappings = []types.BlockDeviceMapping{
		{DeviceName: ptr("/dev/sdg"), Ebs: &types.EbsBlockDevice{VolumeSize: ptr[int32](100), VolumeType: "gp2"}},
		{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: ptr[int32](20), Iops: ptr[int32](4000), Throughput: ptr[int32](250), DeleteOnTermination: ptr(false)}},
		{DeviceName: ptr("/dev/sdh"), Ebs: &types.EbsBlockDevice{SnapshotId: &image.Devices[0].SnapshotID, VolumeType: "io2", Iops: ptr[int32](500)}},
	}
	out, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	if err != nil {
		t.Fatal(err)
	}
	type volume struct {
		Device, Type, Snapshot string
		Size, IOPS, Throughput int64
		Delete                 bool
	}
	var got []volume
	for _, d := range w.row(t, *out.Instances[0].InstanceId).Devices {
		v, ok := state.Volumes.Get(w.FSM.View(), alice, d.VolumeID)
		if !ok {
			t.Fatalf("device %s has no volume", d.Name)
		}
		got = append(got, volume{d.Name, v.Type, v.SnapshotID, v.SizeGiB, v.IOPS, v.Throughput, v.Attachment.DeleteOnTermination})
	}
	want := []volume{
		{"/dev/sda1", "gp3", image.Devices[0].SnapshotID, 20, 4000, 250, false},
		{"/dev/sdg", "gp2", "", 100, 300, 0, true},
		{"/dev/sdh", "io2", image.Devices[0].SnapshotID, 8, 500, 0, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("volumes differ (-want +got):\n%s", diff)
	}
}

func TestRunInstancesFromAnImageOfAnotherAccountIsNotFoundUnlessShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	private := w.AddImage(t, alice, "private", 8)
	in := launchInput(w)
	in.ImageId = &private
	_, err := w.svc.RunInstances(w.as(t, bob, "RunInstances"), in)
	wantError(t, err, "InvalidAMIID.NotFound", "The image id '["+private+"]' does not exist")
	w.must(t, command.ModifyImage{AccountID: alice, ImageID: private, AddAccounts: []string{bob}})
	if _, err := w.svc.RunInstances(w.as(t, bob, "RunInstances"), in); err != nil {
		t.Errorf("shared image: %v", err)
	}
	disabled := state.ImageDisabled
	w.must(t, command.ModifyImage{AccountID: alice, ImageID: private, State: &disabled})
	_, err = w.svc.RunInstances(w.as(t, bob, "RunInstances"), in)
	wantError(t, err, "InvalidAMIID.Unavailable", "")
}

// A launch whose rows do not fit into one entry of the log is cut down to what fits, or refused when that is too few.
func TestRunInstancesFitsTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := launchInput(w)
	in.MaxCount = ptr[int32](maxLaunches)
	var list []types.Tag
	for n := range 50 {
		list = append(list, types.Tag{Key: ptr(fmt.Sprintf("key-%d", n)), Value: ptr(strings.Repeat("x", 250))})
	}
	in.TagSpecifications = []types.TagSpecification{{ResourceType: "instance", Tags: list}}
	out, err := w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	if err != nil || len(out.Instances) < 10 || len(out.Instances) == maxLaunches {
		t.Errorf("got %d instances, %v", len(out.Instances), err)
	}
	in.MinCount = ptr[int32](maxLaunches)
	_, err = w.svc.RunInstances(w.as(t, alice, "RunInstances"), in)
	wantError(t, err, "InstanceLimitExceeded", "")
}
