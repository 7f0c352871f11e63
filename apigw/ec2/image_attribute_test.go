// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func permissions(add, remove []types.LaunchPermission) *types.LaunchPermissionModifications {
	return &types.LaunchPermissionModifications{Add: add, Remove: remove}
}

func user(id string) types.LaunchPermission { return types.LaunchPermission{UserId: aws.String(id)} }

func TestLaunchPermission_BothSpellings(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	id := w.region.AddImage(t, alice, "base", 8)
	all := types.LaunchPermission{Group: types.PermissionGroupAll}
	flat := func(op types.OperationType, users, groups []string) sdk.ModifyImageAttributeInput {
		return sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), OperationType: op, UserIds: users, UserGroups: groups}
	}
	for _, c := range []struct {
		name string
		in   sdk.ModifyImageAttributeInput
		want string
	}{
		{"add two", sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{user(bob), user(owner)}, nil)}, bob + "," + owner},
		{"add one again", sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{user(bob)}, nil)}, bob + "," + owner},
		{"remove and make public", sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{all}, []types.LaunchPermission{user(bob)})}, "all," + owner},
		{"make private", flat("remove", nil, []string{"all"}), owner},
		{"add by user ids", flat("add", []string{bob}, nil), bob + "," + owner},
		{"remove by user ids", flat("remove", []string{bob, owner}, nil), ""},
		{"add the group", flat("add", nil, []string{"all"}), "all"},
		{"the attribute may be left out", sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), LaunchPermission: permissions([]types.LaunchPermission{user(bob)}, nil)}, "all," + bob},
	} {
		c.in.ImageId = &id
		do(w, alice, w.svc.ModifyImageAttribute, &c.in)
		var got []string
		for _, p := range do(w, alice, w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"}).LaunchPermissions {
			got = append(got, string(p.Group)+valueOf(p.UserId))
		}
		if strings.Join(got, ",") != c.want {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
	if got := w.imageIDs(bob, sdk.DescribeImagesInput{}); len(got) != 1 {
		t.Errorf("bob sees %v", got)
	}
	do(w, alice, w.svc.ResetImageAttribute, &sdk.ResetImageAttributeInput{ImageId: &id, Attribute: "launchPermission"})
	if got := do(w, alice, w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: &id, Attribute: "launchPermission"}).LaunchPermissions; got == nil || len(got) != 0 {
		t.Errorf("after the reset: %v", got)
	}
	if got := w.imageIDs(bob, sdk.DescribeImagesInput{}); len(got) != 0 {
		t.Errorf("bob sees %v after the reset", got)
	}
}

func TestDescribeImageAttribute_EveryAttribute(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	snap := w.snapshotOf(w.region.AddImage(t, alice, "base", 8))
	id := do(w, alice, w.svc.RegisterImage, &sdk.RegisterImageInput{Name: aws.String("full"), Description: aws.String("text"), BootMode: "uefi", TpmSupport: "v2.0", ImdsSupport: "v2.0",
		SriovNetSupport: aws.String("simple"), BlockDeviceMappings: rootMapping(snap)}).ImageId
	do(w, alice, w.svc.RunInstances, &sdk.RunInstancesInput{ImageId: id, InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	read := func(name types.ImageAttributeName) *sdk.DescribeImageAttributeOutput {
		return do(w, alice, w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: id, Attribute: name})
	}
	for name, c := range map[types.ImageAttributeName]struct {
		got  *types.AttributeValue
		want string
	}{
		"description": {read("description").Description, "text"}, "bootMode": {read("bootMode").BootMode, "uefi"}, "tpmSupport": {read("tpmSupport").TpmSupport, "v2.0"},
		"imdsSupport": {read("imdsSupport").ImdsSupport, "v2.0"}, "sriovNetSupport": {read("sriovNetSupport").SriovNetSupport, "simple"},
		"kernel": {read("kernel").KernelId, ""}, "ramdisk": {read("ramdisk").RamdiskId, ""}, "uefiData": {read("uefiData").UefiData, ""},
		"deregistrationProtection": {read("deregistrationProtection").DeregistrationProtection, "disabled"},
	} {
		if c.got == nil || valueOf(c.got.Value) != c.want {
			t.Errorf("%s: %+v, want %q", name, c.got, c.want)
		}
	}
	if got := read("lastLaunchedTime").LastLaunchedTime; !strings.HasPrefix(valueOf(got.Value), "2026-11-23T08:00:00.") {
		t.Errorf("lastLaunchedTime: %v", valueOf(got.Value))
	}
	if got := read("productCodes").ProductCodes; got == nil || len(got) != 0 {
		t.Errorf("productCodes: %v", got)
	}
	refused(w, alice, "AuthFailure", w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: id, Attribute: "blockDeviceMapping"})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: id, Attribute: "colour"})
	refused(w, alice, "MissingParameter", w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{ImageId: id})
	refused(w, alice, "MissingParameter", w.svc.DescribeImageAttribute, &sdk.DescribeImageAttributeInput{Attribute: "description"})
	refused(w, alice, "InvalidParameterValue", w.svc.ResetImageAttribute, &sdk.ResetImageAttributeInput{ImageId: id, Attribute: "description"})
}

func TestModifyImageAttribute_ValuesAndRefusals(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	id := w.region.AddImage(t, alice, "base", 8)
	shown := func() types.Image {
		return do(w, alice, w.svc.DescribeImages, &sdk.DescribeImagesInput{ImageIds: []string{id}}).Images[0]
	}
	modify := func(in sdk.ModifyImageAttributeInput) {
		in.ImageId = &id
		do(w, alice, w.svc.ModifyImageAttribute, &in)
	}
	modify(sdk.ModifyImageAttributeInput{Description: &types.AttributeValue{Value: aws.String("one")}})
	if *shown().Description != "one" {
		t.Errorf("description %v", *shown().Description)
	}
	modify(sdk.ModifyImageAttributeInput{Attribute: aws.String("description"), Value: aws.String("two")})
	if *shown().Description != "two" {
		t.Errorf("description %v", *shown().Description)
	}
	modify(sdk.ModifyImageAttributeInput{Description: &types.AttributeValue{}})
	if shown().Description != nil {
		t.Errorf("description %v", *shown().Description)
	}
	modify(sdk.ModifyImageAttributeInput{ImdsSupport: &types.AttributeValue{Value: aws.String("v2.0")}})
	if shown().ImdsSupport != "v2.0" {
		t.Errorf("imds %v", shown().ImdsSupport)
	}
	text := &types.AttributeValue{Value: aws.String("x")}
	for name, c := range map[string]struct {
		in   sdk.ModifyImageAttributeInput
		code string
	}{
		"nothing":                {sdk.ModifyImageAttributeInput{}, "InvalidParameterCombination"},
		"two attributes":         {sdk.ModifyImageAttributeInput{Description: text, ImdsSupport: text}, "InvalidParameterCombination"},
		"attribute and another":  {sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), Description: text}, "InvalidParameterCombination"},
		"unknown attribute":      {sdk.ModifyImageAttributeInput{Attribute: aws.String("bootMode"), Value: aws.String("uefi")}, "InvalidParameterValue"},
		"imds cannot be undone":  {sdk.ModifyImageAttributeInput{ImdsSupport: &types.AttributeValue{Value: aws.String("v1.0")}}, "InvalidParameterValue"},
		"imds without a value":   {sdk.ModifyImageAttributeInput{Attribute: aws.String("imdsSupport")}, "MissingParameter"},
		"long description":       {sdk.ModifyImageAttributeInput{Description: &types.AttributeValue{Value: aws.String(strings.Repeat("x", 256))}}, "InvalidParameterValue"},
		"users of a description": {sdk.ModifyImageAttributeInput{Description: text, UserIds: []string{bob}}, "InvalidParameterCombination"},
		"value of permissions":   {sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), Value: aws.String("x")}, "InvalidParameterCombination"},
		"no operation":           {sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), UserIds: []string{bob}}, "MissingParameter"},
		"no permissions":         {sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), OperationType: "add"}, "MissingParameter"},
		"unknown operation":      {sdk.ModifyImageAttributeInput{Attribute: aws.String("launchPermission"), OperationType: "set", UserIds: []string{bob}}, "InvalidParameterValue"},
		"bad user":               {sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{user("bob")}, nil)}, "InvalidUserID.Malformed"},
		"bad group":              {sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{{Group: "friends"}}, nil)}, "InvalidParameterValue"},
		"user and group":         {sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{{Group: "all", UserId: aws.String(bob)}}, nil)}, "InvalidParameterCombination"},
		"public and private":     {sdk.ModifyImageAttributeInput{LaunchPermission: permissions([]types.LaunchPermission{{Group: "all"}}, []types.LaunchPermission{{Group: "all"}})}, "InvalidParameterCombination"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.ImageId = &id
			refused(w.in(t), alice, c.code, w.svc.ModifyImageAttribute, &c.in)
		})
	}
}
