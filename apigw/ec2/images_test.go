// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/seal"
	"github.com/hivecloud/hive/internal/tenant"
)

// snapshotOf is the root snapshot of an image.
func (w *resourceWorld) snapshotOf(image string) string {
	w.t.Helper()
	i, ok := state.Images.Get(w.region.FSM.View(), state.AnyAccount, image)
	if !ok {
		w.t.Fatalf("no image %s", image)
	}
	return i.Devices[0].SnapshotID
}

// addSystemImage makes the system account with a public image.
func (w *resourceWorld) addSystemImage(name string) string {
	w.t.Helper()
	region, _ := w.region.FSM.View().Region()
	system, err := tenant.New(tenant.Spec{Name: "amazon", System: true, Zones: region.Zones}, seal.Generate())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.region.Propose(w.t.Context(), system.Command, nil); err != nil {
		w.t.Fatal(err)
	}
	account := system.Command.Account.ID
	id := w.region.AddImage(w.t, account, name, 8)
	do(w, account, w.svc.ModifyImageAttribute, &sdk.ModifyImageAttributeInput{ImageId: aws.String(id), LaunchPermission: &types.LaunchPermissionModifications{Add: []types.LaunchPermission{{Group: "all"}}}})
	return id
}

func (w *resourceWorld) share(account, image string, with ...string) {
	w.t.Helper()
	do(w, account, w.svc.ModifyImageAttribute, &sdk.ModifyImageAttributeInput{ImageId: aws.String(image), Attribute: aws.String("launchPermission"), OperationType: "add", UserIds: with})
}

// imageIDs are the ids that DescribeImages answers with.
func (w *resourceWorld) imageIDs(account string, in sdk.DescribeImagesInput) []string {
	w.t.Helper()
	var out []string
	for _, i := range do(w, account, w.svc.DescribeImages, &in).Images {
		out = append(out, *i.ImageId)
	}
	return out
}

func rootMapping(snapshot string) []types.BlockDeviceMapping {
	return []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{SnapshotId: aws.String(snapshot)}}}
}

func TestRegisterImage_KeepsEveryMember(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	snap := w.snapshotOf(w.region.AddImage(t, alice, "base", 8))
	in := &sdk.RegisterImageInput{
		Name: aws.String("my image-1.0 (x) [y]'@_/z"), Description: aws.String("text"), Architecture: types.ArchitectureValuesX8664, RootDeviceName: aws.String("/dev/xvda"),
		VirtualizationType: aws.String("hvm"), BootMode: types.BootModeValuesUefi, TpmSupport: types.TpmSupportValuesV20, ImdsSupport: types.ImdsSupportValuesV20,
		SriovNetSupport: aws.String("simple"), EnaSupport: aws.Bool(true),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeImage, Tags: tagList("a", "b")}},
		BlockDeviceMappings: []types.BlockDeviceMapping{
			{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsBlockDevice{SnapshotId: aws.String(snap), VolumeSize: aws.Int32(20), VolumeType: types.VolumeTypeGp3, Iops: aws.Int32(4000), Throughput: aws.Int32(200), DeleteOnTermination: aws.Bool(false)}},
			{DeviceName: aws.String("/dev/sdb"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(5)}},
			{DeviceName: aws.String("/dev/sdc"), VirtualName: aws.String("ephemeral0")},
			{DeviceName: aws.String("/dev/sdd"), NoDevice: aws.String("")},
		},
	}
	id := do(w, alice, w.svc.RegisterImage, in).ImageId
	i := do(w, alice, w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{*id}}).Images[0]
	if *i.Name != *in.Name || *i.Description != "text" || i.Architecture != "x86_64" || *i.RootDeviceName != "/dev/xvda" || i.VirtualizationType != "hvm" || i.BootMode != "uefi" ||
		i.TpmSupport != "v2.0" || i.ImdsSupport != "v2.0" || *i.SriovNetSupport != "simple" || !*i.EnaSupport || i.State != "available" || *i.OwnerId != alice || *i.Public ||
		*i.ImageLocation != alice+"/"+*in.Name || i.ImageType != "machine" || i.RootDeviceType != "ebs" || *i.Tags[0].Key != "a" || i.CreationDate == nil || i.ImageOwnerAlias != nil {
		t.Errorf("%+v", i)
	}
	if len(i.BlockDeviceMappings) != 3 {
		t.Fatalf("%d devices", len(i.BlockDeviceMappings))
	}
	root, data := i.BlockDeviceMappings[0].Ebs, i.BlockDeviceMappings[1].Ebs
	if *root.SnapshotId != snap || *root.VolumeSize != 20 || root.VolumeType != "gp3" || *root.Iops != 4000 || *root.Throughput != 200 || *root.DeleteOnTermination {
		t.Errorf("root %+v", root)
	}
	if data.SnapshotId != nil || *data.VolumeSize != 5 || data.VolumeType != "gp2" || *data.DeleteOnTermination {
		t.Errorf("data %+v", data)
	}
	if v := i.BlockDeviceMappings[2]; *v.VirtualName != "ephemeral0" || v.Ebs != nil {
		t.Errorf("ephemeral %+v", v)
	}
}

func TestRegisterImage_Refusals(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	snap := w.snapshotOf(w.region.AddImage(t, alice, "base", 8))
	foreign := w.snapshotOf(w.region.AddImage(t, bob, "base", 8))
	change := func(f func(*sdk.RegisterImageInput)) *sdk.RegisterImageInput {
		in := &sdk.RegisterImageInput{Name: aws.String("fresh"), BlockDeviceMappings: rootMapping(snap)}
		f(in)
		return in
	}
	for _, c := range []struct {
		name, code string
		in         *sdk.RegisterImageInput
	}{
		{"no name", "MissingParameter", change(func(in *sdk.RegisterImageInput) { in.Name = nil })},
		{"short name", "InvalidAMIName.Malformed", change(func(in *sdk.RegisterImageInput) { in.Name = aws.String("ab") })},
		{"bad name", "InvalidAMIName.Malformed", change(func(in *sdk.RegisterImageInput) { in.Name = aws.String("a#b") })},
		{"taken name", "InvalidAMIName.Duplicate", change(func(in *sdk.RegisterImageInput) { in.Name = aws.String("base") })},
		{"no devices", "MissingParameter", change(func(in *sdk.RegisterImageInput) { in.BlockDeviceMappings = nil })},
		{"root without snapshot", "InvalidBlockDeviceMapping", change(func(in *sdk.RegisterImageInput) {
			in.BlockDeviceMappings[0].Ebs = &types.EbsBlockDevice{VolumeSize: aws.Int32(8)}
		})},
		{"no root", "InvalidBlockDeviceMapping", change(func(in *sdk.RegisterImageInput) { in.RootDeviceName = aws.String("/dev/xvda") })},
		{"unknown snapshot", "InvalidSnapshot.NotFound", change(func(in *sdk.RegisterImageInput) { in.BlockDeviceMappings = rootMapping("snap-0123456789abcdef0") })},
		{"snapshot of another account", "InvalidSnapshot.NotFound", change(func(in *sdk.RegisterImageInput) { in.BlockDeviceMappings = rootMapping(foreign) })},
		{"malformed snapshot", "InvalidSnapshotID.Malformed", change(func(in *sdk.RegisterImageInput) { in.BlockDeviceMappings = rootMapping("snap-x") })},
		{"smaller than the snapshot", "InvalidBlockDeviceMapping", change(func(in *sdk.RegisterImageInput) { in.BlockDeviceMappings[0].Ebs.VolumeSize = aws.Int32(4) })},
		{"device twice", "InvalidBlockDeviceMapping", change(func(in *sdk.RegisterImageInput) {
			in.BlockDeviceMappings = append(in.BlockDeviceMappings, in.BlockDeviceMappings[0])
		})},
		{"bad device", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) { in.BlockDeviceMappings[0].DeviceName = aws.String("disk0") })},
		{"architecture", "UnsupportedOperation", change(func(in *sdk.RegisterImageInput) { in.Architecture = "arm64" })},
		{"no such architecture", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) { in.Architecture = "vax" })},
		{"paravirtual", "UnsupportedOperation", change(func(in *sdk.RegisterImageInput) { in.VirtualizationType = aws.String("paravirtual") })},
		{"boot mode", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) { in.BootMode = "coreboot" })},
		{"tpm needs uefi", "InvalidParameterCombination", change(func(in *sdk.RegisterImageInput) { in.TpmSupport = "v2.0" })},
		{"sriov", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) { in.SriovNetSupport = aws.String("double") })},
		{"imds", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) { in.ImdsSupport = "v1.0" })},
		{"description", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) { in.Description = aws.String(strings.Repeat("x", 256)) })},
		{"tags of a volume", "InvalidParameterValue", change(func(in *sdk.RegisterImageInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: "volume", Tags: tagList("a", "b")}}
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(w.in(t), alice, c.code, w.svc.RegisterImage, c.in)
		})
	}
	if got := w.imageIDs(alice, sdk.DescribeImagesInput{}); len(got) != 1 {
		t.Errorf("refused calls left images: %v", got)
	}
}

func TestDescribeImages_WhoSeesWhat(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	public := w.addSystemImage("debian-12")
	mine, shared, private := w.region.AddImage(t, alice, "mine", 8), w.region.AddImage(t, bob, "shared", 8), w.region.AddImage(t, bob, "private", 8)
	w.share(bob, shared, alice)
	for name, c := range map[string]struct {
		in   sdk.DescribeImagesInput
		want string
	}{
		"all":                      {sdk.DescribeImagesInput{}, public + mine + shared},
		"self":                     {sdk.DescribeImagesInput{Owners: []string{"self"}}, mine},
		"amazon":                   {sdk.DescribeImagesInput{Owners: []string{"amazon"}}, public},
		"by account":               {sdk.DescribeImagesInput{Owners: []string{bob}}, shared},
		"self or bob":              {sdk.DescribeImagesInput{Owners: []string{"self", bob}}, mine + shared},
		"marketplace":              {sdk.DescribeImagesInput{Owners: []string{"aws-marketplace"}}, ""},
		"executable by self":       {sdk.DescribeImagesInput{ExecutableUsers: []string{"self"}}, shared},
		"executable by own id":     {sdk.DescribeImagesInput{ExecutableUsers: []string{alice}}, shared},
		"executable by all":        {sdk.DescribeImagesInput{ExecutableUsers: []string{"all"}}, public},
		"executable by another":    {sdk.DescribeImagesInput{ExecutableUsers: []string{bob}}, ""},
		"by id":                    {sdk.DescribeImagesInput{ImageIds: []string{shared}}, shared},
		"owner-alias":              {sdk.DescribeImagesInput{Filters: filterOf("owner-alias", "amazon")}, public},
		"is-public":                {sdk.DescribeImagesInput{Filters: filterOf("is-public", "true")}, public},
		"name":                     {sdk.DescribeImagesInput{Filters: filterOf("name", "debian-*")}, public},
		"owner-id":                 {sdk.DescribeImagesInput{Filters: filterOf("owner-id", alice)}, mine},
		"snapshot":                 {sdk.DescribeImagesInput{Filters: filterOf("block-device-mapping.snapshot-id", w.snapshotOf(mine))}, mine},
		"size":                     {sdk.DescribeImagesInput{Filters: filterOf("block-device-mapping.volume-size", "9")}, ""},
		"creation-date":            {sdk.DescribeImagesInput{Filters: filterOf("creation-date", "2026-11-23T*")}, public + mine + shared},
		"architecture and state":   {sdk.DescribeImagesInput{Filters: append(filterOf("architecture", "x86_64"), filterOf("state", "available")...)}, public + mine + shared},
		"what no image has":        {sdk.DescribeImagesInput{Filters: filterOf("product-code", "*")}, ""},
		"manifest-location":        {sdk.DescribeImagesInput{Filters: filterOf("manifest-location", alice+"/mine")}, mine},
		"several values are an or": {sdk.DescribeImagesInput{Filters: filterOf("name", "mine", "shared")}, mine + shared},
	} {
		got := w.imageIDs(alice, c.in)
		if len(strings.Join(got, "")) != len(c.want) {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
			continue
		}
		for _, id := range got {
			if !strings.Contains(c.want, id) {
				t.Errorf("%s: got %s", name, id)
			}
		}
	}
	if i := do(w, alice, w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{public}}).Images[0]; *i.ImageOwnerAlias != "amazon" || !*i.Public {
		t.Errorf("the system's image: %+v", i)
	}
	if msg := refused(w, alice, "InvalidAMIID.NotFound", w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{private}}); msg != "The image id '["+private+"]' does not exist" {
		t.Error(msg)
	}
	other := "ami-0123456789abcdef0"
	if msg := refused(w, alice, "InvalidAMIID.NotFound", w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{private, mine, other}}); msg != "The image ids '["+private+", "+other+"]' do not exist" {
		t.Error(msg)
	}
	refused(w, alice, "InvalidAMIID.Malformed", w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{"ami-zzz"}})
	refused(w, alice, "InvalidUserID.Malformed", w.svc.DescribeImages, &sdk.DescribeImagesInput{Owners: []string{"me"}})
	refused(w, alice, "InvalidUserID.Malformed", w.svc.DescribeImages, &sdk.DescribeImagesInput{ExecutableUsers: []string{"amazon"}})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeImages, &sdk.DescribeImagesInput{Filters: filterOf("colour", "red")})
	if got := w.imageIDs(bob, sdk.DescribeImagesInput{ExecutableUsers: []string{alice}}); len(got) != 1 || got[0] != shared {
		t.Errorf("the owner asks who may launch: %v", got)
	}
}

func TestDescribeImages_Pages(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	for _, name := range []string{"one", "two", "three"} {
		w.region.AddImage(t, alice, name, 8)
	}
	first := do(w, alice, w.svc.DescribeImages, &sdk.DescribeImagesInput{MaxResults: aws.Int32(2)})
	if len(first.Images) != 2 || first.NextToken == nil {
		t.Fatalf("first page: %d", len(first.Images))
	}
	second := do(w, alice, w.svc.DescribeImages, &sdk.DescribeImagesInput{MaxResults: aws.Int32(2), NextToken: first.NextToken})
	if len(second.Images) != 1 || second.NextToken != nil {
		t.Errorf("second page: %d", len(second.Images))
	}
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeImages, &sdk.DescribeImagesInput{NextToken: aws.String("made up")})
}

func TestDisableImage_TakesItAwayFromEverybody(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	id := w.region.AddImage(t, alice, "base", 8)
	w.share(alice, id, bob)
	do(w, alice, w.svc.DisableImage, &sdk.DisableImageInput{ImageId: &id})
	if got := w.imageIDs(alice, sdk.DescribeImagesInput{}); len(got) != 0 {
		t.Errorf("a disabled image is listed: %v", got)
	}
	if got := w.imageIDs(alice, sdk.DescribeImagesInput{IncludeDisabled: aws.Bool(true), Filters: filterOf("state", "disabled")}); len(got) != 1 {
		t.Errorf("a disabled image is not listed where asked: %v", got)
	}
	refused(w, bob, "InvalidAMIID.NotFound", w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{id}, IncludeDisabled: aws.Bool(true)})
	refused(w, alice, "OperationNotPermitted", w.svc.ModifyImageAttribute, &sdk.ModifyImageAttributeInput{ImageId: &id, LaunchPermission: &types.LaunchPermissionModifications{Add: []types.LaunchPermission{{UserId: aws.String(bob)}}}})
	refused(w, alice, "InvalidAMIID.Unavailable", w.svc.RunInstances, &sdk.RunInstancesInput{ImageId: &id, InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	do(w, alice, w.svc.EnableImage, &sdk.EnableImageInput{ImageId: &id})
	if got := w.imageIDs(alice, sdk.DescribeImagesInput{}); len(got) != 1 {
		t.Errorf("an enabled image is not listed: %v", got)
	}
	refused(w, bob, "InvalidAMIID.NotFound", w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{id}})
}

func TestImageDeprecation(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	id := w.region.AddImage(t, alice, "base", 8)
	w.share(alice, id, bob)
	at := w.now.Add(time.Hour + 31*time.Second)
	do(w, alice, w.svc.EnableImageDeprecation, &sdk.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &at})
	if got := do(w, bob, w.svc.DescribeImages, &sdk.DescribeImagesInput{}).Images; len(got) != 1 || *got[0].DeprecationTime != "2026-11-23T09:01:00.000Z" {
		t.Fatalf("before the hour: %+v", got)
	}
	w.now = w.now.Add(2 * time.Hour)
	for name, c := range map[string]struct {
		account string
		in      sdk.DescribeImagesInput
		want    int
	}{
		"others do not see it":         {bob, sdk.DescribeImagesInput{}, 0},
		"unless they ask":              {bob, sdk.DescribeImagesInput{IncludeDeprecated: aws.Bool(true)}, 1},
		"or know its id":               {bob, sdk.DescribeImagesInput{ImageIds: []string{id}}, 1},
		"its owner sees it":            {alice, sdk.DescribeImagesInput{}, 1},
		"its owner, excluding, too":    {alice, sdk.DescribeImagesInput{IncludeDeprecated: aws.Bool(false)}, 1},
		"who asks for another, cannot": {bob, sdk.DescribeImagesInput{Owners: []string{alice}}, 0},
	} {
		if got := w.imageIDs(c.account, c.in); len(got) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	do(w, alice, w.svc.DisableImageDeprecation, &sdk.DisableImageDeprecationInput{ImageId: &id})
	if got := do(w, bob, w.svc.DescribeImages, &sdk.DescribeImagesInput{}).Images; len(got) != 1 || got[0].DeprecationTime != nil {
		t.Errorf("cancelled: %+v", got)
	}
	past, far := w.now.Add(-2*time.Minute), w.now.AddDate(10, 0, 1)
	refused(w, alice, "InvalidParameterValue", w.svc.EnableImageDeprecation, &sdk.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &past})
	refused(w, alice, "InvalidParameterValue", w.svc.EnableImageDeprecation, &sdk.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &far})
	refused(w, alice, "MissingParameter", w.svc.EnableImageDeprecation, &sdk.EnableImageDeprecationInput{ImageId: &id})
	public, twoYears := w.addSystemImage("public"), w.now.AddDate(2, 0, 1)
	system, _ := visibleImage(w.region.FSM.View(), alice, public)
	refused(w, system.AccountID, "InvalidParameterValue", w.svc.EnableImageDeprecation, &sdk.EnableImageDeprecationInput{ImageId: &public, DeprecateAt: &twoYears})
}

func TestDeregisterImage(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	first := w.region.AddImage(t, alice, "first", 8)
	snap := w.snapshotOf(first)
	second := *do(w, alice, w.svc.RegisterImage, &sdk.RegisterImageInput{Name: aws.String("second"), BlockDeviceMappings: rootMapping(snap)}).ImageId
	run := do(w, alice, w.svc.RunInstances, &sdk.RunInstancesInput{ImageId: &first, InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	out := do(w, alice, w.svc.DeregisterImage, &sdk.DeregisterImageInput{ImageId: &first, DeleteAssociatedSnapshots: aws.Bool(true)})
	if !*out.Return || len(out.DeleteSnapshotResults) != 1 || out.DeleteSnapshotResults[0].ReturnCode != types.SnapshotReturnCodesWarnSkipped {
		t.Errorf("the snapshot is used by another image: %+v", out.DeleteSnapshotResults)
	}
	refused(w, alice, "InvalidAMIID.NotFound", w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{first}})
	refused(w, alice, "InvalidAMIID.NotFound", w.svc.DeregisterImage, &sdk.DeregisterImageInput{ImageId: &first})
	if _, ok := state.Instances.Get(w.region.FSM.View(), alice, *run.Instances[0].InstanceId); !ok {
		t.Error("the instance of a deregistered image is gone")
	}
	w.region.Observe(t, *run.Instances[0].InstanceId, command.SawRunning)
	out = do(w, alice, w.svc.DeregisterImage, &sdk.DeregisterImageInput{ImageId: &second, DeleteAssociatedSnapshots: aws.Bool(true)})
	if len(out.DeleteSnapshotResults) != 1 || out.DeleteSnapshotResults[0].ReturnCode != types.SnapshotReturnCodesSuccess {
		t.Errorf("the last image: %+v", out.DeleteSnapshotResults)
	}
	refused(w, alice, "InvalidSnapshot.NotFound", w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{SnapshotIds: []string{snap}})
	refused(w, alice, "MissingParameter", w.svc.DeregisterImage, &sdk.DeregisterImageInput{})
	refused(w, alice, "InvalidAMIID.Malformed", w.svc.DeregisterImage, &sdk.DeregisterImageInput{ImageId: aws.String("i-0123456789abcdef0")})
}

func TestImagesOfOthers_CannotBeChanged(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	shared, private := w.region.AddImage(t, bob, "shared", 8), w.region.AddImage(t, bob, "private", 8)
	w.share(bob, shared, alice)
	at := w.now.Add(time.Hour)
	for id, code := range map[string]string{shared: "AuthFailure", private: "InvalidAMIID.NotFound"} {
		refused(w, alice, code, w.svc.DeregisterImage, &sdk.DeregisterImageInput{ImageId: &id})
		refused(w, alice, code, w.svc.EnableImage, &sdk.EnableImageInput{ImageId: &id})
		refused(w, alice, code, w.svc.DisableImage, &sdk.DisableImageInput{ImageId: &id})
		refused(w, alice, code, w.svc.EnableImageDeprecation, &sdk.EnableImageDeprecationInput{ImageId: &id, DeprecateAt: &at})
		refused(w, alice, code, w.svc.DisableImageDeprecation, &sdk.DisableImageDeprecationInput{ImageId: &id})
		refused(w, alice, code, w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"})
		refused(w, alice, code, w.svc.ModifyImageAttribute, &sdk.ModifyImageAttributeInput{ImageId: &id, Description: &types.AttributeValue{Value: aws.String("x")}})
		refused(w, alice, code, w.svc.ResetImageAttribute, &sdk.ResetImageAttributeInput{ImageId: &id, Attribute: "launchPermission"})
	}
}
