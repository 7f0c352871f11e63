// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// imdsV2 is the only value of an image's IMDS support. It cannot be taken back.
const imdsV2 = "v2.0"

// DescribeImageAttribute shows one attribute of an image to its owner.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageAttribute.html
func (s *Service) DescribeImageAttribute(ctx context.Context, in *sdk.DescribeImageAttributeInput) (*sdk.DescribeImageAttributeOutput, error) {
	call := apigw.CallFrom(ctx)
	if in.Attribute == "" {
		return nil, awserr.MissingParameter("Attribute")
	}
	if err := checkEnum("Attribute", in.Attribute); err != nil {
		return nil, err
	}
	if in.Attribute == types.ImageAttributeNameBlockDeviceMapping {
		return nil, awserr.New("AuthFailure", "Unauthorized attempt to access restricted resource")
	}
	i, err := s.ownedImage(ctx, call, valueOf(in.ImageId))
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeImageAttributeOutput{ImageId: aws.String(i.ID)}
	showImageAttribute(out, i, in.Attribute)
	return out, nil
}

// showImageAttribute fills one attribute in. What an image has not got (a kernel, product codes, UEFI variables) is an
// empty attribute.
func showImageAttribute(out *sdk.DescribeImageAttributeOutput, i *state.Image, name types.ImageAttributeName) {
	value := func(s string) *types.AttributeValue { return &types.AttributeValue{Value: optional(s)} }
	switch name {
	case types.ImageAttributeNameDescription:
		out.Description = value(i.Description)
	case types.ImageAttributeNameKernel:
		out.KernelId = value("")
	case types.ImageAttributeNameRamdisk:
		out.RamdiskId = value("")
	case types.ImageAttributeNameLaunchPermission:
		out.LaunchPermissions = launchPermissions(i)
	case types.ImageAttributeNameProductCodes:
		out.ProductCodes = []types.ProductCode{}
	case types.ImageAttributeNameSriovNetSupport:
		out.SriovNetSupport = value(i.SriovNetSupport)
	case types.ImageAttributeNameBootMode:
		out.BootMode = value(i.BootMode)
	case types.ImageAttributeNameTpmSupport:
		out.TpmSupport = value(i.TPM)
	case types.ImageAttributeNameUefiData:
		out.UefiData = value("")
	case types.ImageAttributeNameLastLaunchedTime:
		out.LastLaunchedTime = value(valueOf(imageTimeOf(i.LastLaunched)))
	case types.ImageAttributeNameImdsSupport:
		out.ImdsSupport = value(i.IMDS)
	case types.ImageAttributeNameDeregistrationProtection:
		out.DeregistrationProtection = value(protectionDisabled)
	}
}

func launchPermissions(i *state.Image) []types.LaunchPermission {
	out := []types.LaunchPermission{}
	if i.Public {
		out = append(out, types.LaunchPermission{Group: types.PermissionGroupAll})
	}
	for _, a := range i.LaunchAccounts {
		out = append(out, types.LaunchPermission{UserId: aws.String(a)})
	}
	return out
}

// ResetImageAttribute takes all launch permissions away.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetImageAttribute.html
func (s *Service) ResetImageAttribute(ctx context.Context, in *sdk.ResetImageAttributeInput) (*sdk.ResetImageAttributeOutput, error) {
	if in.Attribute == "" {
		return nil, awserr.MissingParameter("Attribute")
	}
	if err := checkEnum("Attribute", in.Attribute); err != nil {
		return nil, err
	}
	err := s.modifyImage(ctx, in.ImageId, func(*apigw.Call, *state.Image) (command.ModifyImage, error) {
		return command.ModifyImage{ResetLaunch: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.ResetImageAttributeOutput{}, nil
}

// ModifyImageAttribute changes the description, the IMDS support or the launch permissions, one at a time: by the member
// of that name, or by Attribute with Value or OperationType, UserId and UserGroup.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html
func (s *Service) ModifyImageAttribute(ctx context.Context, in *sdk.ModifyImageAttributeInput) (*sdk.ModifyImageAttributeOutput, error) {
	change, err := imageChange(in)
	if err != nil {
		return nil, err
	}
	err = s.modifyImage(ctx, in.ImageId, func(_ *apigw.Call, i *state.Image) (command.ModifyImage, error) {
		shares := change.Public != nil && *change.Public || len(change.AddAccounts) > 0
		if shares && i.State == state.ImageDisabled {
			return change, awserr.New("OperationNotPermitted", "The image %s is disabled and cannot be shared.", i.ID)
		}
		return change, nil
	})
	if err != nil {
		return nil, err
	}
	return &sdk.ModifyImageAttributeOutput{}, nil
}

// The attributes that ModifyImageAttribute changes.
const (
	attributeDescription = "description"
	attributeIMDS        = "imdsSupport"
	attributeLaunch      = "launchPermission"
)

// imageChange finds the one attribute that the input changes.
func imageChange(in *sdk.ModifyImageAttributeInput) (command.ModifyImage, error) {
	var given []string
	note := func(name string, is bool) {
		if is {
			given = append(given, name)
		}
	}
	note(attributeDescription, in.Description != nil)
	note(attributeIMDS, in.ImdsSupport != nil)
	note(attributeLaunch, in.LaunchPermission != nil)
	note(valueOf(in.Attribute), valueOf(in.Attribute) != "" && (len(given) == 0 || given[0] != *in.Attribute))
	switch {
	case len(given) == 0:
		return command.ModifyImage{}, awserr.InvalidParameterCombination("No attributes specified.")
	case len(given) > 1:
		return command.ModifyImage{}, awserr.InvalidParameterCombination("Fields for multiple attribute types specified: %s", strings.Join(given, ", "))
	}
	launchWords := in.OperationType != "" || len(in.UserIds)+len(in.UserGroups) > 0
	switch given[0] {
	case attributeDescription, attributeIMDS:
		if launchWords {
			return command.ModifyImage{}, awserr.InvalidParameterCombination("OperationType, UserId and UserGroup can be used only with the attribute launchPermission.")
		}
		return valueChange(given[0], in)
	case attributeLaunch:
		if in.Value != nil {
			return command.ModifyImage{}, awserr.InvalidParameterCombination("Value can be used only with the attributes description and imdsSupport.")
		}
		return launchChange(in)
	}
	return command.ModifyImage{}, awserr.InvalidParameterValue("Value (%.128s) for parameter attribute is invalid. Valid values: description | imdsSupport | launchPermission", given[0])
}

// valueChange is a change of the description or of the IMDS support.
func valueChange(name string, in *sdk.ModifyImageAttributeInput) (command.ModifyImage, error) {
	value, member := in.Value, in.Description
	if name == attributeIMDS {
		member = in.ImdsSupport
	}
	if member != nil {
		value = member.Value
	}
	if name == attributeDescription {
		text := valueOf(value) // an empty description clears it
		return command.ModifyImage{Description: &text}, checkDescription(text)
	}
	if value == nil {
		return command.ModifyImage{}, awserr.MissingParameter("Value")
	}
	if *value != imdsV2 {
		return command.ModifyImage{}, awserr.InvalidParameterValue("Invalid value '%.128s' for ImdsSupport. The only valid value is %s, and it cannot be undone.", *value, imdsV2)
	}
	return command.ModifyImage{IMDS: value}, nil
}

// launchChange is a change of the launch permissions, in either of the two spellings.
func launchChange(in *sdk.ModifyImageAttributeInput) (command.ModifyImage, error) {
	var c command.ModifyImage
	var add, remove []types.LaunchPermission
	if p := in.LaunchPermission; p != nil {
		add, remove = p.Add, p.Remove
	}
	var flat []types.LaunchPermission
	for _, u := range in.UserIds {
		flat = append(flat, types.LaunchPermission{UserId: aws.String(u)})
	}
	for _, g := range in.UserGroups {
		flat = append(flat, types.LaunchPermission{Group: types.PermissionGroup(g)})
	}
	if err := checkEnum("OperationType", in.OperationType); err != nil {
		return c, err
	}
	switch {
	case len(flat) > 0 && in.OperationType == "":
		return c, awserr.MissingParameter("OperationType")
	case in.OperationType == types.OperationTypeAdd:
		add = append(add, flat...)
	case in.OperationType == types.OperationTypeRemove:
		remove = append(remove, flat...)
	}
	if len(add)+len(remove) == 0 {
		return c, awserr.MissingParameter("LaunchPermission")
	}
	err := firstError(grant(&c, add, true), grant(&c, remove, false))
	return c, err
}

// grant notes permissions to add or to remove.
func grant(c *command.ModifyImage, list []types.LaunchPermission, add bool) error {
	for _, p := range list {
		account := valueOf(p.UserId)
		switch {
		case (account == "") == (p.Group == ""):
			return awserr.InvalidParameterCombination("Each launch permission must name either a UserId or a Group.")
		case p.Group != "" && p.Group != types.PermissionGroupAll:
			return awserr.InvalidParameterValue("Invalid value '%.128s' for launch permission group. The only valid value is all.", string(p.Group))
		case p.Group != "":
			if c.Public != nil && *c.Public != add {
				return awserr.InvalidParameterCombination("The group all cannot be added and removed in one request.")
			}
			c.Public = aws.Bool(add)
		case !accountForm.MatchString(account):
			return badUser(account)
		case add:
			c.AddAccounts = append(c.AddAccounts, account)
		default:
			c.RemoveAccounts = append(c.RemoveAccounts, account)
		}
	}
	return nil
}
