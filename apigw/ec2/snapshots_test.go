// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// addPublicSnapshot makes a snapshot that everybody may use, with an image over it.
func (w *resourceWorld) addPublicSnapshot(account string) string {
	w.t.Helper()
	const id = "snap-0fedcba9876543210"
	if err := w.region.Propose(w.t.Context(), command.ImportImage{
		Snapshot: state.Snapshot{ID: id, AccountID: account, VolumeID: "vol-ffffffff", SizeGiB: 3, Bytes: 3 << 30, Public: true, Description: "for all"},
		Image:    state.Image{ID: "ami-0fedcba9876543210", AccountID: account, Name: "for all", RootDevice: "/dev/sda1", Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: id, SizeGiB: 3}}},
	}, nil); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func TestDescribeSnapshots(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	mine, private, public := w.snapshotOf(w.region.AddImage(t, alice, "mine", 8)), w.snapshotOf(w.region.AddImage(t, bob, "private", 8)), w.addPublicSnapshot(bob)
	do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{mine}, Tags: tagList("a", "b")})
	shown := do(w, alice, w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{mine}}).Snapshots[0]
	if *shown.VolumeSize != 8 || *shown.VolumeId != "vol-ffffffff" || shown.State != "completed" || *shown.Progress != "100%" || *shown.OwnerId != alice || shown.OwnerAlias != nil ||
		*shown.Encrypted || shown.StartTime == nil || shown.StorageTier != "standard" || *shown.Tags[0].Value != "b" || *shown.FullSnapshotSizeInBytes != 8<<30 || *shown.Description != "" {
		t.Errorf("%+v", shown)
	}
	for name, c := range map[string]struct {
		in   sdk.DescribeSnapshotsInput
		want []string
	}{
		"all":                  {sdk.DescribeSnapshotsInput{}, []string{mine, public}},
		"self":                 {sdk.DescribeSnapshotsInput{OwnerIds: []string{"self"}}, []string{mine}},
		"of bob":               {sdk.DescribeSnapshotsInput{OwnerIds: []string{bob}}, []string{public}},
		"of amazon":            {sdk.DescribeSnapshotsInput{OwnerIds: []string{"amazon"}}, nil},
		"restorable by all":    {sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{"all"}}, []string{public}},
		"restorable by self":   {sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{"self"}}, []string{mine}},
		"restorable by own id": {sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{alice}}, []string{mine}},
		"restorable by bob":    {sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{bob}}, nil},
		"id of another":        {sdk.DescribeSnapshotsInput{SnapshotIds: []string{public}}, []string{public}},
		"status":               {sdk.DescribeSnapshotsInput{Filters: filterOf("status", "completed")}, []string{mine, public}},
		"volume-id":            {sdk.DescribeSnapshotsInput{Filters: filterOf("volume-id", "vol-ffffffff")}, []string{mine, public}},
		"volume-size":          {sdk.DescribeSnapshotsInput{Filters: filterOf("volume-size", "3")}, []string{public}},
		"description":          {sdk.DescribeSnapshotsInput{Filters: filterOf("description", "for *")}, []string{public}},
		"owner-id":             {sdk.DescribeSnapshotsInput{Filters: filterOf("owner-id", alice)}, []string{mine}},
		"progress":             {sdk.DescribeSnapshotsInput{Filters: filterOf("progress", "80%")}, nil},
		"start-time":           {sdk.DescribeSnapshotsInput{Filters: filterOf("start-time", "2026-11-*")}, []string{mine, public}},
		"tag":                  {sdk.DescribeSnapshotsInput{Filters: filterOf("tag:a", "b")}, []string{mine}},
		"tier":                 {sdk.DescribeSnapshotsInput{Filters: filterOf("storage-tier", "archive")}, nil},
	} {
		got := map[string]bool{}
		out := do(w, alice, w.svc.DescribeSnapshots, &c.in).Snapshots
		for _, s := range out {
			got[*s.SnapshotId] = true
		}
		for _, id := range c.want {
			if !got[id] {
				t.Errorf("%s: %s is missing", name, id)
			}
		}
		if len(out) != len(c.want) || out == nil {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	refused(w, alice, "InvalidSnapshot.NotFound", w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{private}})
	refused(w, alice, "InvalidSnapshotID.Malformed", w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{"snap-"}})
	refused(w, alice, "InvalidUserID.Malformed", w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{OwnerIds: []string{"aws-marketplace"}})
	refused(w, alice, "InvalidUserID.Malformed", w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{RestorableByUserIds: []string{"amazon"}})
}

func TestDeleteSnapshot(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	image := w.region.AddImage(t, alice, "mine", 8)
	snap, foreign, public := w.snapshotOf(image), w.snapshotOf(w.region.AddImage(t, bob, "private", 8)), w.addPublicSnapshot(bob)
	msg := refused(w, alice, "InvalidSnapshot.InUse", w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{SnapshotId: &snap})
	if want := "The snapshot " + snap + " is currently in use by " + image; msg != want {
		t.Errorf("got %q, want %q", msg, want)
	}
	do(w, alice, w.svc.DeregisterImage, &sdk.DeregisterImageInput{ImageId: &image})
	do(w, alice, w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{SnapshotId: &snap})
	refused(w, alice, "InvalidSnapshot.NotFound", w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{SnapshotId: &snap})
	refused(w, alice, "InvalidSnapshot.NotFound", w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{SnapshotId: &foreign})
	refused(w, alice, "UnauthorizedOperation", w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{SnapshotId: &public})
	refused(w, alice, "MissingParameter", w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{})
	refused(w, alice, "InvalidSnapshotID.Malformed", w.svc.DeleteSnapshot, &sdk.DeleteSnapshotInput{SnapshotId: aws.String("vol-0123456789abcdef0")})
}

func TestDescribeSnapshotAttribute(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	snap, public := w.snapshotOf(w.region.AddImage(t, alice, "mine", 8)), w.addPublicSnapshot(bob)
	read := func(account, id string, name types.SnapshotAttributeName) *sdk.DescribeSnapshotAttributeOutput {
		return do(w, account, w.svc.DescribeSnapshotAttribute, &sdk.DescribeSnapshotAttributeInput{SnapshotId: &id, Attribute: name})
	}
	if got := read(alice, snap, "createVolumePermission"); got.CreateVolumePermissions == nil || len(got.CreateVolumePermissions) != 0 || *got.SnapshotId != snap {
		t.Errorf("%+v", got)
	}
	if got := read(bob, public, "createVolumePermission").CreateVolumePermissions; len(got) != 1 || got[0].Group != "all" {
		t.Errorf("public: %+v", got)
	}
	if got := read(alice, snap, "productCodes"); got.ProductCodes == nil || got.CreateVolumePermissions != nil {
		t.Errorf("%+v", got)
	}
	refused(w, alice, "UnauthorizedOperation", w.svc.DescribeSnapshotAttribute, &sdk.DescribeSnapshotAttributeInput{SnapshotId: &public, Attribute: "productCodes"})
	refused(w, bob, "InvalidSnapshot.NotFound", w.svc.DescribeSnapshotAttribute, &sdk.DescribeSnapshotAttributeInput{SnapshotId: &snap, Attribute: "productCodes"})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeSnapshotAttribute, &sdk.DescribeSnapshotAttributeInput{SnapshotId: &snap, Attribute: "colour"})
	refused(w, alice, "MissingParameter", w.svc.DescribeSnapshotAttribute, &sdk.DescribeSnapshotAttributeInput{SnapshotId: &snap})
}
