// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"bytes"
	"crypto/ed25519"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/crypto/ssh"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// publicKey is the nth of some public keys, as OpenSSH writes them.
func publicKey(n byte) []byte {
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)).Public())
	if err != nil {
		panic(err)
	}
	return ssh.MarshalAuthorizedKey(key)
}

func tagSpecification(kind types.ResourceType) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}}
}

// variedTags are the variations of a tag specification.
func variedTags(more map[string]any) map[string]any {
	more["TagSpecifications.ResourceType"] = refusedValue{"vpn-gateway"}
	more["TagSpecifications.Tags.Key"], more["TagSpecifications.Tags.Value"] = "c", ""
	return more
}

var resourceCases = map[string][]memberCase{
	"CreateKeyPair": {{base: func(*fixture) any {
		return &sdk.CreateKeyPairInput{KeyName: ptr("new"), KeyType: "ed25519", TagSpecifications: tagSpecification("key-pair")}
	}, vary: variedTags(map[string]any{"KeyName": "newer", "KeyType": "rsa", "KeyFormat": "ppk"})}},
	"ImportKeyPair": {{base: func(*fixture) any {
		return &sdk.ImportKeyPairInput{KeyName: ptr("new"), PublicKeyMaterial: publicKey(1), TagSpecifications: tagSpecification("key-pair")}
	}, vary: variedTags(map[string]any{"KeyName": "newer", "PublicKeyMaterial": publicKey(2)})}},
	"DeleteKeyPair": {
		{base: func(*fixture) any { return &sdk.DeleteKeyPairInput{KeyName: ptr("alice")} }, vary: map[string]any{"KeyName": "second"}},
		{base: func(*fixture) any { return &sdk.DeleteKeyPairInput{KeyPairId: ptr("key-00000000000000001")} }, vary: map[string]any{"KeyPairId": "key-00000000000000002"}},
	},
	"DescribeKeyPairs": {
		{base: func(*fixture) any { return &sdk.DescribeKeyPairsInput{} },
			vary: map[string]any{"KeyNames": []string{"alice"}, "KeyPairIds": []string{"key-00000000000000002"}, "IncludePublicKey": true}},
		{base: func(*fixture) any { return &sdk.DescribeKeyPairsInput{Filters: filters("key-name", "alice")} },
			vary: map[string]any{"Filters.Name": "tag-key", "Filters.Values": []string{"second"}}},
	},
	"CreateTags": {{base: func(f *fixture) any {
		return &sdk.CreateTagsInput{Resources: []string{f.running}, Tags: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}
	}, vary: map[string]any{"Resources": func(f *fixture) any { return []string{f.stopped} }, "Tags.Key": "c", "Tags.Value": ""}}},
	"DeleteTags": {{base: func(f *fixture) any {
		return &sdk.DeleteTagsInput{Resources: []string{f.running}, Tags: []types.Tag{{Key: ptr("colour")}}}
	}, vary: map[string]any{"Resources": func(f *fixture) any { return []string{f.stopped} }, "Tags.Key": "shape", "Tags.Value": "blue"}}},
	"DescribeTags": listCases(func(*fixture) any { return &sdk.DescribeTagsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeTagsInput).Filters = f }, "key", "colour", "value", nil),
	"DescribeRegions": {{base: func(*fixture) any { return &sdk.DescribeRegionsInput{Filters: filters("region-name", fsmtest.Name)} },
		vary: map[string]any{"RegionNames": refusedValue{[]string{"mars-1"}}, "Filters.Name": "opt-in-status", "Filters.Values": []string{"no-such-value"}}}},
	"DescribeAvailabilityZones": {
		{base: func(*fixture) any { return &sdk.DescribeAvailabilityZonesInput{} }, vary: map[string]any{"ZoneNames": []string{fsmtest.Zone}, "ZoneIds": []string{"eut1-az2"}}},
		{base: func(*fixture) any {
			return &sdk.DescribeAvailabilityZonesInput{Filters: filters("zone-name", fsmtest.Zone)}
		}, vary: map[string]any{"Filters.Name": "zone-id", "Filters.Values": []string{"no-such-value"}}},
	},
	"DescribeAccountAttributes": {{base: func(*fixture) any { return &sdk.DescribeAccountAttributesInput{} },
		vary: map[string]any{"AttributeNames": []types.AccountAttributeName{"default-vpc"}}}},
	"DescribeVolumes": listCases(func(*fixture) any { return &sdk.DescribeVolumesInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeVolumesInput).Filters = f }, "size", "8", "volume-type",
		map[string]any{"VolumeIds": func(f *fixture) any { return []string{f.volume(f.running)} }}),
	"DescribeVolumeStatus": listCases(func(*fixture) any { return &sdk.DescribeVolumeStatusInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeVolumeStatusInput).Filters = f }, "availability-zone", fsmtest.Zone, "volume-status.status",
		map[string]any{"VolumeIds": func(f *fixture) any { return []string{f.volume(f.running)} }}),
	"DescribeVolumeAttribute": {{base: func(f *fixture) any {
		return &sdk.DescribeVolumeAttributeInput{VolumeId: ptr(f.volume(f.running)), Attribute: "autoEnableIO"}
	}, vary: map[string]any{"VolumeId": func(f *fixture) any { return f.volume(f.stopped) }, "Attribute": "productCodes"}}},
	"DescribeVpcs": listCases(func(*fixture) any { return &sdk.DescribeVpcsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeVpcsInput).Filters = f }, "is-default", "true", "state",
		map[string]any{"VpcIds": refusedValue{[]string{"vpc-0" + bob + "0000"}}}),
	"DescribeVpcAttribute": {{base: func(*fixture) any {
		return &sdk.DescribeVpcAttributeInput{VpcId: ptr("vpc-0" + alice + "0000"), Attribute: "enableDnsSupport"}
	}, vary: map[string]any{"VpcId": refusedValue{"vpc-0" + bob + "0000"}, "Attribute": "enableNetworkAddressUsageMetrics"}}},
	"DescribeSubnets": listCases(func(*fixture) any { return &sdk.DescribeSubnetsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeSubnetsInput).Filters = f }, "availability-zone", fsmtest.Zone, "vpc-id",
		map[string]any{"SubnetIds": []string{"subnet-0" + alice + "000b"}}),
	"DescribeNetworkInterfaces": listCases(func(*fixture) any { return &sdk.DescribeNetworkInterfacesInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeNetworkInterfacesInput).Filters = f }, "status", "in-use", "vpc-id",
		map[string]any{"NetworkInterfaceIds": func(f *fixture) any { return []string{f.row(f.t, f.running).NetworkInterfaceID} }}),
	"DescribeSecurityGroups": listCases(func(*fixture) any { return &sdk.DescribeSecurityGroupsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeSecurityGroupsInput).Filters = f }, "group-name", "default", "group-id",
		map[string]any{"GroupIds": refusedValue{[]string{"sg-0" + bob + "0000"}}, "GroupNames": refusedValue{[]string{"web"}}}),
	"DescribeSecurityGroupRules": listCases(func(*fixture) any { return &sdk.DescribeSecurityGroupRulesInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeSecurityGroupRulesInput).Filters = f }, "group-id", "sg-*", "security-group-rule-id",
		map[string]any{"SecurityGroupRuleIds": []string{"sgr-0" + alice + "0001"}}),
	"DescribeSnapshots": listCases(func(*fixture) any { return &sdk.DescribeSnapshotsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeSnapshotsInput).Filters = f }, "owner-id", alice, "status",
		map[string]any{"SnapshotIds": func(f *fixture) any { return []string{f.snapshot(f.private)} }, "OwnerIds": []string{bob}, "RestorableByUserIds": []string{"all"}}),
	"DescribeSnapshotAttribute": {{base: func(f *fixture) any {
		return &sdk.DescribeSnapshotAttributeInput{SnapshotId: ptr(f.snapshot(f.private)), Attribute: "createVolumePermission"}
	}, vary: map[string]any{"SnapshotId": func(f *fixture) any { return f.snapshot(f.image) }, "Attribute": "productCodes"}}},
	"DeleteSnapshot": {{base: func(f *fixture) any {
		snapshot := f.snapshot(f.private)
		f.must(f.t, command.DeregisterImage{AccountID: alice, ImageID: f.private})
		return &sdk.DeleteSnapshotInput{SnapshotId: &snapshot}
	}, vary: map[string]any{"SnapshotId": refusedValue{func(f *fixture) any { return f.snapshot(f.image) }}}}},
}

// volume is the root volume of an instance.
func (f *fixture) volume(instance string) string { return f.row(f.t, instance).Devices[0].VolumeID }

// snapshot is the root snapshot of an image.
func (f *fixture) snapshot(image string) string {
	i, ok := state.Images.Get(f.FSM.View(), state.AnyAccount, image)
	if !ok {
		f.t.Fatalf("no image %s", image)
	}
	return i.Devices[0].SnapshotID
}

var imageCases = map[string][]memberCase{
	"DescribeImages": listCases(func(*fixture) any { return &sdk.DescribeImagesInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeImagesInput).Filters = f }, "name", "base", "description",
		map[string]any{"MaxResults": int32(1), "ImageIds": func(f *fixture) any { return []string{f.private} }, "Owners": []string{bob}, "ExecutableUsers": []string{"all"},
			"IncludeDeprecated": true, "IncludeDisabled": true}),
	"RegisterImage": {{base: func(f *fixture) any {
		return &sdk.RegisterImageInput{Name: ptr("new"), RootDeviceName: ptr("/dev/sda1"), TagSpecifications: tagSpecification("image"), BlockDeviceMappings: []types.BlockDeviceMapping{
			{DeviceName: ptr("/dev/sdf"), Ebs: &types.EbsBlockDevice{VolumeSize: ptr[int32](20), VolumeType: "gp3"}},
			{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsBlockDevice{SnapshotId: ptr(f.snapshot(f.private))}},
			{DeviceName: ptr("/dev/sdb"), VirtualName: ptr("ephemeral0")},
		}}
	}, vary: variedTags(map[string]any{
		"Name": "newer", "Description": "text", "Architecture": refusedValue{"arm64"}, "RootDeviceName": refusedValue{"/dev/sdz"}, "VirtualizationType": refusedValue{"paravirtual"},
		"BootMode": "uefi", "TpmSupport": refusedValue{"v1.0"}, "ImdsSupport": "v2.0", "SriovNetSupport": "simple", "EnaSupport": true,
		"BlockDeviceMappings.DeviceName": "/dev/sdg", "BlockDeviceMappings.NoDevice": "", "BlockDeviceMappings.VirtualName": refusedValue{"ephemeral1"},
		"BlockDeviceMappings.Ebs.VolumeSize": int32(21), "BlockDeviceMappings.Ebs.VolumeType": "gp2", "BlockDeviceMappings.Ebs.Iops": int32(4000),
		"BlockDeviceMappings.Ebs.Throughput": int32(200), "BlockDeviceMappings.Ebs.DeleteOnTermination": true,
		"BlockDeviceMappings.Ebs.SnapshotId": func(f *fixture) any { return f.snapshot(f.image) },
	})}},
	"DeregisterImage": {{base: func(f *fixture) any { return &sdk.DeregisterImageInput{ImageId: &f.private} },
		vary: map[string]any{"ImageId": func(f *fixture) any { return f.disabled }, "DeleteAssociatedSnapshots": true}}},
	"EnableImage": {{base: func(f *fixture) any { return &sdk.EnableImageInput{ImageId: &f.disabled} },
		vary: map[string]any{"ImageId": func(f *fixture) any { return f.private }}}},
	"DisableImage": {{base: func(f *fixture) any { return &sdk.DisableImageInput{ImageId: &f.private} },
		vary: map[string]any{"ImageId": func(f *fixture) any { return f.image }}}},
	"EnableImageDeprecation": {{base: func(f *fixture) any {
		return &sdk.EnableImageDeprecationInput{ImageId: &f.private, DeprecateAt: ptr(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))}
	}, vary: map[string]any{"ImageId": func(f *fixture) any { return f.image }, "DeprecateAt": time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)}}},
	"DisableImageDeprecation": {{base: func(f *fixture) any { return &sdk.DisableImageDeprecationInput{ImageId: &f.private} },
		vary: map[string]any{"ImageId": func(f *fixture) any { return f.image }}}},
	"DescribeImageAttribute": {{base: func(f *fixture) any {
		return &sdk.DescribeImageAttributeInput{ImageId: &f.private, Attribute: "launchPermission"}
	}, vary: map[string]any{"ImageId": func(f *fixture) any { return f.image }, "Attribute": "description"}}},
	"ModifyImageAttribute": {
		modifyImageCase(sdk.ModifyImageAttributeInput{Description: attribute("a")}, map[string]any{"ImageId": func(f *fixture) any { return f.image }, "Description.Value": "b"}),
		modifyImageCase(sdk.ModifyImageAttributeInput{ImdsSupport: attribute("v2.0")}, map[string]any{"ImdsSupport.Value": refusedValue{"v1.0"}}),
		modifyImageCase(sdk.ModifyImageAttributeInput{Attribute: ptr("description"), Value: ptr("v2.0")}, map[string]any{"Attribute": "imdsSupport", "Value": "text"}),
		modifyImageCase(sdk.ModifyImageAttributeInput{LaunchPermission: &types.LaunchPermissionModifications{Add: []types.LaunchPermission{{UserId: ptr(bob)}}}},
			map[string]any{"LaunchPermission.Add.UserId": "333333333333", "LaunchPermission.Remove.UserId": "444444444444"}),
		modifyImageCase(sdk.ModifyImageAttributeInput{LaunchPermission: &types.LaunchPermissionModifications{Add: []types.LaunchPermission{{Group: "all"}}}},
			map[string]any{"LaunchPermission.Add.Group": refusedValue{"some"}}),
		modifyImageCase(sdk.ModifyImageAttributeInput{LaunchPermission: &types.LaunchPermissionModifications{Remove: []types.LaunchPermission{{Group: "all"}}}},
			map[string]any{"LaunchPermission.Remove.Group": refusedValue{"some"}}),
		modifyImageCase(sdk.ModifyImageAttributeInput{Attribute: ptr("launchPermission"), OperationType: "add", UserIds: []string{bob}},
			map[string]any{"OperationType": "remove", "UserIds": []string{"333333333333"}, "UserGroups": []string{"all"}}),
	},
	"ResetImageAttribute": {{base: func(f *fixture) any {
		return &sdk.ResetImageAttributeInput{ImageId: &f.private, Attribute: "launchPermission"}
	}, vary: map[string]any{"ImageId": func(f *fixture) any { return f.image }, "Attribute": refusedValue{"description"}}}},
}

// modifyImageCase changes an attribute of the private image.
func modifyImageCase(in sdk.ModifyImageAttributeInput, vary map[string]any) memberCase {
	return memberCase{vary: vary, base: func(f *fixture) any {
		fresh := copied(f, in)
		fresh.ImageId = &f.private
		return fresh
	}}
}
