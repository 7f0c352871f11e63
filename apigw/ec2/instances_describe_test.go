// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
)

// describedIDs are the ids that a call of DescribeInstances answers, in order.
func describedIDs(t *testing.T, w *world, account string, in *sdk.DescribeInstancesInput) []string {
	t.Helper()
	out, err := w.svc.DescribeInstances(w.as(t, account, "DescribeInstances"), in)
	if err != nil {
		t.Fatalf("describe instances: %v", err)
	}
	var got []string
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			got = append(got, *i.InstanceId)
		}
	}
	return got
}

func filters(pairs ...string) []types.Filter {
	var out []types.Filter
	for n := 0; n < len(pairs); n += 2 {
		out = append(out, types.Filter{Name: &pairs[n], Values: []string{pairs[n+1]}})
	}
	return out
}

func TestDescribeInstancesGroupsByReservation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.run(t, alice, 2), w.run(t, alice, 1)
	out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), &sdk.DescribeInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Reservations) != 2 || len(out.Reservations[0].Instances) != 2 || *out.Reservations[1].Instances[0].InstanceId != second[0] {
		t.Errorf("got %d reservations %+v", len(out.Reservations), out.Reservations)
	}
	if got := describedIDs(t, w, alice, &sdk.DescribeInstancesInput{InstanceIds: []string{first[1], first[1]}}); !slices.Equal(got, first[1:]) {
		t.Errorf("by id: got %v, want %v", got, first[1:])
	}
}

func TestDescribeInstancesRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	theirs := w.run(t, bob, 1)[0]
	for _, c := range []struct {
		name, code, message string
		in                  sdk.DescribeInstancesInput
	}{
		{"malformed id", "InvalidInstanceID.Malformed", `Invalid id: "x" (expecting "i-...")`, sdk.DescribeInstancesInput{InstanceIds: []string{"x"}}},
		{"unknown id", "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist", sdk.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}}},
		{"two unknown ids", "InvalidInstanceID.NotFound", "The instance IDs 'i-0123456789abcdef0, i-0123456789abcdef1' do not exist",
			sdk.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0", "i-0123456789abcdef1"}}},
		{"another account's id", "InvalidInstanceID.NotFound", "The instance ID '" + theirs + "' does not exist", sdk.DescribeInstancesInput{InstanceIds: []string{theirs}}},
		{"unknown filter", "InvalidParameterValue", "The filter 'colour' is invalid", sdk.DescribeInstancesInput{Filters: filters("colour", "red")}},
		{"page too small", "InvalidParameterValue", "", sdk.DescribeInstancesInput{MaxResults: ptr[int32](4)}},
		{"page of ids", "InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults", sdk.DescribeInstancesInput{InstanceIds: []string{theirs}, MaxResults: ptr[int32](5)}},
		{"bad token", "InvalidParameterValue", "", sdk.DescribeInstancesInput{NextToken: ptr("x")}},
	} {
		account := alice
		if c.name == "page of ids" {
			account = bob
		}
		_, err := w.svc.DescribeInstances(w.as(t, account, "DescribeInstances"), &c.in)
		t.Run(c.name, func(t *testing.T) { wantError(t, err, c.code, c.message) })
	}
}

func TestDescribeInstancesPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := append(w.run(t, alice, 4), w.run(t, alice, 3)...)
	in := &sdk.DescribeInstancesInput{MaxResults: ptr[int32](5)}
	var got []string
	for {
		out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				got = append(got, *i.InstanceId)
			}
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if !slices.Equal(got, want) {
		t.Errorf("got pages of %v, want %v", got, want)
	}
}

// Every filter is tried with the value that one instance has and with one that none has.
func TestDescribeInstancesFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tag := func(kind types.ResourceType, key, value string) types.TagSpecification {
		return types.TagSpecification{ResourceType: kind, Tags: []types.Tag{{Key: &key, Value: &value}}}
	}
	id := w.run(t, alice, 1, func(in *sdk.RunInstancesInput) {
		in.KeyName, in.ClientToken, in.InstanceType, in.Monitoring = ptr("alice"), ptr("token"), "t3.small", &types.RunInstancesMonitoringEnabled{Enabled: ptr(true)}
		in.EbsOptimized, in.MaintenanceOptions = ptr(true), &types.InstanceMaintenanceOptionsRequest{AutoRecovery: "disabled"}
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: ptr[int32](7), InstanceMetadataTags: "enabled", HttpProtocolIpv6: "enabled"}
		in.TagSpecifications = []types.TagSpecification{tag("instance", "Name", "web"), tag("network-interface", "nic", "first")}
	})[0]
	other := w.run(t, alice, 1)[0]
	w.terminate(t, alice, w.run(t, alice, 1)[0])
	i := w.row(t, id)
	out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	nic := out.Reservations[0].Instances[0].NetworkInterfaces[0]
	only := map[string]string{
		"instance-id": id, "reservation-id": i.ReservationID, "client-token": "token", "key-name": "alice", "instance-type": "t3.s*",
		"monitoring-state": "enabled", "ebs-optimized": "true", "maintenance-options.auto-recovery": "disabled", "tag:Name": "w?b", "tag-key": "Name",
		"metadata-options.http-tokens": "required", "metadata-options.http-put-response-hop-limit": "7", "metadata-options.instance-metadata-tags": "enabled",
		"metadata-options.http-protocol-ipv6": "enabled", "private-ip-address": i.PrivateIP, "ip-address": i.PublicIP,
		"block-device-mapping.volume-id": i.Devices[0].VolumeID, "network-interface.network-interface-id": i.NetworkInterfaceID,
		"network-interface.tag-key": "nic", "network-interface.tag-value": "first", "network-interface.mac-address": *nic.MacAddress,
		"network-interface.attachment.attachment-id": *nic.Attachment.AttachmentId, "network-interface.attachment.instance-id": id,
		"network-interface.association.public-ip": i.PublicIP, "network-interface.addresses.private-ip-address": i.PrivateIP,
		"private-dns-name": *out.Reservations[0].Instances[0].PrivateDnsName,
	}
	for name, value := range only {
		if got := describedIDs(t, w, alice, &sdk.DescribeInstancesInput{Filters: filters(name, value)}); !slices.Equal(got, []string{id}) {
			t.Errorf("filter %s=%s: got %v, want %v", name, value, got, id)
		}
	}
	both := map[string]string{
		"instance-state-name": "running", "instance-state-code": "16",
		"vpc-id": i.VPCID, "subnet-id": i.SubnetID, "instance.group-name": "default", "instance.group-id": i.SecurityGroups[0], "source-dest-check": "true",
		"block-device-mapping.status": "attached", "block-device-mapping.device-name": "/dev/sda1", "block-device-mapping.delete-on-termination": "true",
		"network-interface.status": "in-use", "network-interface.attachment.status": "attached", "network-interface.attachment.device-index": "0",
		"network-interface.availability-zone": fsmtest.Zone, "network-interface.association.ip-owner-id": "amazon",
	}
	for name, value := range both {
		if got := describedIDs(t, w, alice, &sdk.DescribeInstancesInput{Filters: filters(name, value)}); !slices.Equal(got, []string{id, other}) {
			t.Errorf("filter %s=%s: got %v, want both", name, value, got)
		}
	}
	all := map[string]string{"availability-zone": fsmtest.Zone, "availability-zone-id": "eut1-az1", "owner-id": alice, "architecture": "x86_64", "hypervisor": "xen", "root-device-type": "ebs", "virtualization-type": "hvm", "launch-time": "2026-11-23T*",
		"image-id": w.image, "launch-index": "0", "platform-details": "Linux/UNIX", "boot-mode": "uefi-preferred", "current-instance-boot-mode": "legacy-bios", "ena-support": "true"}
	for name, value := range all {
		if got := describedIDs(t, w, alice, &sdk.DescribeInstancesInput{Filters: filters(name, value)}); len(got) != 3 {
			t.Errorf("filter %s=%s: got %v, want all three", name, value, got)
		}
	}
	for name := range instanceFilters {
		if got := describedIDs(t, w, alice, &sdk.DescribeInstancesInput{Filters: filters(name, "no-such-value")}); len(got) != 0 {
			t.Errorf("filter %s matches anything: %v", name, got)
		}
	}
}

func TestDescribeInstancesShowsWhatATerminatedInstanceKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.run(t, alice, 1)[0]
	w.terminate(t, alice, id)
	out, err := w.svc.DescribeInstances(w.as(t, alice, "DescribeInstances"), &sdk.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	i := out.Reservations[0].Instances[0]
	if i.State.Name != "terminated" || *i.StateReason.Code != "Client.UserInitiatedShutdown" {
		t.Errorf("got state %v for reason %v", i.State.Name, valueOf(i.StateReason))
	}
	if i.PrivateIpAddress != nil || i.VpcId != nil || len(i.SecurityGroups)+len(i.BlockDeviceMappings)+len(i.NetworkInterfaces) != 0 || i.SecurityGroups == nil {
		t.Errorf("a terminated instance shows its network: %+v", i)
	}
}

func TestDescribeInstanceStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	running, stopped := w.run(t, alice, 1)[0], w.run(t, alice, 1)[0]
	w.stop(t, alice, stopped)
	w.run(t, bob, 1)
	list := func(change func(*sdk.DescribeInstanceStatusInput)) []types.InstanceStatus {
		t.Helper()
		in := &sdk.DescribeInstanceStatusInput{}
		change(in)
		out, err := w.svc.DescribeInstanceStatus(w.as(t, alice, "DescribeInstanceStatus"), in)
		if err != nil {
			t.Fatal(err)
		}
		return out.InstanceStatuses
	}
	got := list(func(*sdk.DescribeInstanceStatusInput) {})
	if len(got) != 1 || *got[0].InstanceId != running || got[0].InstanceStatus.Status != "ok" || got[0].SystemStatus.Details[0].Status != "passed" {
		t.Errorf("got %+v", got)
	}
	got = list(func(in *sdk.DescribeInstanceStatusInput) {
		in.IncludeAllInstances, in.Filters = ptr(true), filters("instance-state-name", "stopped")
	})
	if len(got) != 1 || *got[0].InstanceId != stopped || got[0].InstanceStatus.Status != "not-applicable" {
		t.Errorf("all instances: got %+v", got)
	}
	i := w.row(t, running)
	w.must(t, command.ReportInstances{NodeID: i.NodeID, Reports: []command.InstanceReport{{InstanceID: i.ID, Epoch: i.Epoch, Saw: command.SawImpaired,
		Reason: impairedReason}}})
	got = list(func(in *sdk.DescribeInstanceStatusInput) {
		in.Filters = filters("instance-status.reachability", "failed")
	})
	if len(got) != 1 || got[0].InstanceStatus.Status != "impaired" || got[0].SystemStatus.Status != "ok" {
		t.Errorf("impaired: got %+v", got)
	}
	for name := range statusFilters {
		if got := list(func(in *sdk.DescribeInstanceStatusInput) { in.Filters = filters(name, "no-such-value") }); len(got) != 0 {
			t.Errorf("filter %s matches anything", name)
		}
	}
}
