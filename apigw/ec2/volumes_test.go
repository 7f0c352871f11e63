// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// launch runs an instance with a root and a data volume and makes it running.
func (w *resourceWorld) launch(account, image string) types.Instance {
	w.t.Helper()
	run := do(w, account, w.svc.RunInstances, &sdk.RunInstancesInput{ImageId: &image, InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sdf"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(5), VolumeType: "gp3", DeleteOnTermination: aws.Bool(false)}}}})
	w.region.Observe(w.t, *run.Instances[0].InstanceId, command.SawRunning)
	got := do(w, account, w.svc.DescribeInstances, &sdk.DescribeInstancesInput{InstanceIds: []string{*run.Instances[0].InstanceId}})
	return got.Reservations[0].Instances[0]
}

func TestDescribeVolumes(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	image := w.region.AddImage(t, alice, "base", 8)
	i := w.launch(alice, image)
	root, data := *i.BlockDeviceMappings[0].Ebs.VolumeId, *i.BlockDeviceMappings[1].Ebs.VolumeId
	do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{data}, Tags: tagList("use", "data")})
	shown := do(w, alice, w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{VolumeIds: []string{root}}).Volumes[0]
	a := shown.Attachments[0]
	if *shown.Size != 8 || *shown.SnapshotId != w.snapshotOf(image) || shown.State != "in-use" || *shown.AvailabilityZone != fsmtest.Zone || *shown.AvailabilityZoneId != "eut1-az1" ||
		shown.VolumeType != "gp3" || *shown.Iops != 3000 || *shown.Throughput != 125 || *shown.Encrypted || *shown.MultiAttachEnabled || shown.CreateTime == nil {
		t.Errorf("%+v", shown)
	}
	if *a.InstanceId != *i.InstanceId || *a.Device != "/dev/sda1" || a.State != "attached" || !*a.DeleteOnTermination || a.AttachTime == nil || *a.VolumeId != root {
		t.Errorf("attachment %+v", a)
	}
	for name, c := range map[string]struct {
		filters []types.Filter
		want    string
	}{
		"none":                   {nil, root + data},
		"attachment.instance-id": {filterOf("attachment.instance-id", *i.InstanceId), root + data},
		"device":                 {append(filterOf("attachment.device", "/dev/sdf"), filterOf("attachment.instance-id", *i.InstanceId)...), data},
		"delete-on-termination":  {filterOf("attachment.delete-on-termination", "false"), data},
		"attachment.status":      {filterOf("attachment.status", "detaching"), ""},
		"attach-time":            {filterOf("attachment.attach-time", "2026-11-23T*"), root + data},
		"snapshot-id":            {filterOf("snapshot-id", w.snapshotOf(image)), root},
		"size":                   {filterOf("size", "5"), data},
		"status":                 {filterOf("status", "in-use"), root + data},
		"type":                   {filterOf("volume-type", "gp2"), ""},
		"zone":                   {filterOf("availability-zone", fsmtest.Zone), root + data},
		"zone id":                {filterOf("availability-zone-id", "eut1-az2"), ""},
		"id":                     {filterOf("volume-id", data), data},
		"tag":                    {filterOf("tag:use", "data"), data},
		"encrypted":              {filterOf("encrypted", "true"), ""},
		"create-time":            {filterOf("create-time", "*"), root + data},
		"fast-restored":          {filterOf("fast-restored", "false"), root + data},
		"operator.principal":     {filterOf("operator.principal", "*"), ""},
	} {
		out := do(w, alice, w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{Filters: c.filters}).Volumes
		n := 0
		for _, v := range out {
			if n += len(*v.VolumeId); !strings.Contains(c.want, *v.VolumeId) {
				t.Errorf("%s: got %s", name, *v.VolumeId)
			}
		}
		if n != len(c.want) || out == nil {
			t.Errorf("%s: %d volumes, want %q", name, len(out), c.want)
		}
	}
	refused(w, alice, "InvalidVolume.NotFound", w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{VolumeIds: []string{"vol-0123456789abcdef0"}})
	refused(w, bob, "InvalidVolume.NotFound", w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{VolumeIds: []string{root}})
	refused(w, alice, "InvalidVolumeID.Malformed", w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{VolumeIds: []string{"vol-x"}})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{Filters: filterOf("colour", "red")})
}

func TestDescribeVolumes_PagesThroughAll(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	image := w.region.AddImage(t, alice, "base", 8)
	for range 4 {
		w.launch(alice, image)
	}
	seen, token := map[string]bool{}, (*string)(nil)
	for pages := 1; ; pages++ {
		out := do(w, alice, w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{MaxResults: aws.Int32(5), NextToken: token})
		for _, v := range out.Volumes {
			seen[*v.VolumeId] = true
		}
		if token = out.NextToken; token == nil {
			if len(seen) != 8 || pages != 2 {
				t.Errorf("%d volumes on %d pages", len(seen), pages)
			}
			return
		}
	}
}

func TestVolumeStatusAndAttributes(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	i := w.launch(alice, w.region.AddImage(t, alice, "base", 8))
	root, data := *i.BlockDeviceMappings[0].Ebs.VolumeId, *i.BlockDeviceMappings[1].Ebs.VolumeId
	if err := w.region.Propose(t.Context(), command.ReportVolumes{NodeID: fsmtest.NodeID, Reports: []command.VolumeReport{{VolumeID: data, State: state.VolumeError}}}, nil); err != nil {
		t.Fatal(err)
	}
	status := func(in sdk.DescribeVolumeStatusInput) map[string]string {
		out := map[string]string{}
		for _, s := range do(w, alice, w.svc.DescribeVolumeStatus, &in).VolumeStatuses {
			out[*s.VolumeId] = string(s.VolumeStatus.Status) + " " + *s.VolumeStatus.Details[0].Status + " " + *s.VolumeStatus.Details[1].Status
		}
		return out
	}
	if got := status(sdk.DescribeVolumeStatusInput{}); got[root] != "ok passed not-applicable" || got[data] != "impaired failed not-applicable" {
		t.Errorf("%v", got)
	}
	if got := status(sdk.DescribeVolumeStatusInput{Filters: filterOf("volume-status.status", "ok")}); len(got) != 1 {
		t.Errorf("ok: %v", got)
	}
	if got := status(sdk.DescribeVolumeStatusInput{Filters: filterOf("event.event-type", "*")}); len(got) != 0 {
		t.Errorf("events: %v", got)
	}
	refused(w, bob, "InvalidVolume.NotFound", w.svc.DescribeVolumeStatus, &sdk.DescribeVolumeStatusInput{VolumeIds: []string{root}})
	refused(w, alice, "InvalidVolumeID.Malformed", w.svc.DescribeVolumeStatus, &sdk.DescribeVolumeStatusInput{VolumeIds: []string{"volume"}})

	attribute := func(name types.VolumeAttributeName) *sdk.DescribeVolumeAttributeOutput {
		return do(w, alice, w.svc.DescribeVolumeAttribute, &sdk.DescribeVolumeAttributeInput{VolumeId: &root, Attribute: name})
	}
	if got := attribute("autoEnableIO"); *got.AutoEnableIO.Value || got.ProductCodes != nil || *got.VolumeId != root {
		t.Errorf("autoEnableIO: %+v", got)
	}
	if got := attribute("productCodes"); got.AutoEnableIO != nil || got.ProductCodes == nil {
		t.Errorf("productCodes: %+v", got)
	}
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeVolumeAttribute, &sdk.DescribeVolumeAttributeInput{VolumeId: &root, Attribute: "colour"})
	refused(w, alice, "MissingParameter", w.svc.DescribeVolumeAttribute, &sdk.DescribeVolumeAttributeInput{VolumeId: &root})
	refused(w, bob, "InvalidVolume.NotFound", w.svc.DescribeVolumeAttribute, &sdk.DescribeVolumeAttributeInput{VolumeId: &root, Attribute: "autoEnableIO"})
}
