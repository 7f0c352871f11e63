// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// ModifyInstanceAttribute changes one attribute, named by its own member or by Attribute and Value.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
func (s *Service) ModifyInstanceAttribute(ctx context.Context, in *sdk.ModifyInstanceAttributeInput) (*sdk.ModifyInstanceAttributeOutput, error) {
	asked, err := askedAttribute(in)
	if err != nil {
		return nil, err
	}
	t, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	change := command.ModifyInstance{AccountID: t.call.Account, InstanceID: i.ID}
	if err := setAttribute(&change, t.view, i, asked, in); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, change, nil); err != nil {
		return nil, err
	}
	return &sdk.ModifyInstanceAttributeOutput{}, nil
}

// askedAttribute is the one attribute that a call changes. A call that names it by Attribute and Value is rewritten
// into the attribute's own member.
func askedAttribute(in *sdk.ModifyInstanceAttributeInput) (types.InstanceAttributeName, error) {
	asked := attributesIn(in)
	if in.Attribute != "" {
		if err := checkAttribute(in.Attribute); err != nil {
			return "", err
		}
		if !slices.Contains(asked, string(in.Attribute)) {
			asked = append(asked, string(in.Attribute))
			if err := moveValue(in); err != nil {
				return "", err
			}
		}
	} else if in.Value != nil {
		return "", awserr.MissingParameter("attribute")
	}
	switch len(asked) {
	case 0:
		return "", awserr.InvalidParameterCombination("No attributes specified.")
	case 1:
		return types.InstanceAttributeName(asked[0]), nil
	}
	return "", awserr.InvalidParameterCombination("Fields for multiple attribute types specified: %s", strings.Join(asked, ", "))
}

// attributesIn are the attributes whose own members were sent.
func attributesIn(in *sdk.ModifyInstanceAttributeInput) []string {
	var asked []string
	for _, m := range []struct {
		sent bool
		name types.InstanceAttributeName
	}{
		{in.InstanceType != nil, types.InstanceAttributeNameInstanceType},
		{in.UserData != nil, types.InstanceAttributeNameUserData},
		{in.DisableApiTermination != nil, types.InstanceAttributeNameDisableApiTermination},
		{in.DisableApiStop != nil, types.InstanceAttributeNameDisableApiStop},
		{in.InstanceInitiatedShutdownBehavior != nil, types.InstanceAttributeNameInstanceInitiatedShutdownBehavior},
		{in.BlockDeviceMappings != nil, types.InstanceAttributeNameBlockDeviceMapping},
		{in.SourceDestCheck != nil, types.InstanceAttributeNameSourceDestCheck},
		{in.Groups != nil, types.InstanceAttributeNameGroupSet},
		{in.EbsOptimized != nil, types.InstanceAttributeNameEbsOptimized},
		{in.SriovNetSupport != nil, types.InstanceAttributeNameSriovNetSupport},
		{in.EnaSupport != nil, types.InstanceAttributeNameEnaSupport},
		{in.EnclaveOptions != nil, types.InstanceAttributeNameEnclaveOptions},
	} {
		if m.sent {
			asked = append(asked, string(m.name))
		}
	}
	return asked
}

// moveValue puts Value into the member of the attribute that Attribute names.
func moveValue(in *sdk.ModifyInstanceAttributeInput) error {
	if in.Value == nil {
		return awserr.MissingParameter("value")
	}
	text := &types.AttributeValue{Value: in.Value}
	switch in.Attribute {
	case types.InstanceAttributeNameInstanceType:
		in.InstanceType = text
		return nil
	case types.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		in.InstanceInitiatedShutdownBehavior = text
		return nil
	case types.InstanceAttributeNameSriovNetSupport:
		in.SriovNetSupport = text
		return nil
	case types.InstanceAttributeNameUserData:
		raw, err := base64.StdEncoding.DecodeString(*in.Value)
		if err != nil {
			return awserr.New("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data")
		}
		in.UserData = &types.SecureBlobAttributeValue{Value: raw}
		return nil
	}
	return moveFlag(in)
}

// moveFlag is moveValue for attributes that are true or false.
func moveFlag(in *sdk.ModifyInstanceAttributeInput) error {
	member, ok := map[types.InstanceAttributeName]**types.AttributeBooleanValue{
		types.InstanceAttributeNameDisableApiTermination: &in.DisableApiTermination,
		types.InstanceAttributeNameDisableApiStop:        &in.DisableApiStop,
		types.InstanceAttributeNameEbsOptimized:          &in.EbsOptimized,
		types.InstanceAttributeNameEnaSupport:            &in.EnaSupport,
		types.InstanceAttributeNameSourceDestCheck:       &in.SourceDestCheck,
	}[in.Attribute]
	if !ok {
		return awserr.NotSupportedValue("Attribute", string(in.Attribute), "an attribute that takes a Value")
	}
	value, err := strconv.ParseBool(*in.Value)
	if err != nil {
		return awserr.InvalidParameterValue("Value (%s) for parameter value is invalid. Expected true or false.", *in.Value)
	}
	*member = attributeFlag(value)
	return nil
}

// setAttribute fills the attribute's new value into the command.
func setAttribute(c *command.ModifyInstance, v *state.View, i *state.Instance, asked types.InstanceAttributeName, in *sdk.ModifyInstanceAttributeInput) error {
	var err error
	switch asked {
	case types.InstanceAttributeNameInstanceType:
		return setType(c, v, i, valueOf(in.InstanceType.Value))
	case types.InstanceAttributeNameUserData:
		raw := append([]byte{}, in.UserData.Value...)
		c.UserData = &raw
		return checkUserData(raw)
	case types.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		c.ShutdownBehavior = in.InstanceInitiatedShutdownBehavior.Value
		return checkText("InstanceInitiatedShutdownBehavior", valueOf(c.ShutdownBehavior), "stop", "terminate")
	case types.InstanceAttributeNameSriovNetSupport:
		c.SriovNetSupport = in.SriovNetSupport.Value
		return checkText("SriovNetSupport", valueOf(c.SriovNetSupport), "simple")
	case types.InstanceAttributeNameGroupSet:
		c.Groups = in.Groups
		return ids.SecurityGroup.Check(in.Groups...)
	case types.InstanceAttributeNameBlockDeviceMapping:
		c.Devices, err = deviceChanges(i, in.BlockDeviceMappings)
		return err
	case types.InstanceAttributeNameDisableApiTermination:
		c.DisableAPITermination, err = flagOf(in.DisableApiTermination)
	case types.InstanceAttributeNameDisableApiStop:
		c.DisableAPIStop, err = flagOf(in.DisableApiStop)
	case types.InstanceAttributeNameSourceDestCheck:
		c.SourceDestCheck, err = flagOf(in.SourceDestCheck)
	case types.InstanceAttributeNameEnaSupport:
		c.ENASupport, err = flagOf(in.EnaSupport)
	case types.InstanceAttributeNameEbsOptimized:
		if c.EBSOptimized, err = flagOf(in.EbsOptimized); err == nil {
			t, _ := instancetypes.Lookup(i.Type)
			_, err = ebsOptimized(t, *c.EBSOptimized)
		}
	}
	return err
}

// setType changes the instance type. The vCPU topology becomes the new type's: CpuOptions belong to the old one.
func setType(c *command.ModifyInstance, v *state.View, i *state.Instance, name string) error {
	t, ok := instancetypes.Lookup(name)
	if !ok {
		return awserr.New("InvalidInstanceAttributeValue", "Invalid value '%s' for InstanceType.", name)
	}
	if err := fitsImage(t, i.Arch, i.ImageBootMode, i.TPM); err != nil {
		return err
	}
	if !slices.Contains(offeringZones(v, t.Name), i.Zone) {
		return awserr.New("Unsupported", "The instance type '%s' is not supported in the Availability Zone '%s' of the instance '%s'.", t.Name, i.Zone, i.ID)
	}
	if _, err := ebsOptimized(t, i.EBSOptimized); err != nil {
		return err
	}
	if g, ok := state.PlacementGroups.Get(v, i.AccountID, i.PlacementGroupID); ok {
		if err := suitsGroup(t, g); err != nil {
			return err
		}
	}
	shape := shapeOf(t)
	c.InstanceType, c.Shape = aws.String(t.Name), &shape
	if i.CPUCredits == "" && t.Burstable {
		c.CPUCredits = aws.String(t.DefaultCPUCredits)
	}
	return nil
}

// deviceChanges are the changes of DeleteOnTermination, which is true unless said otherwise.
func deviceChanges(i *state.Instance, asked []types.InstanceBlockDeviceMappingSpecification) ([]command.DeviceChange, error) {
	var out []command.DeviceChange
	for _, m := range asked {
		name := valueOf(m.DeviceName)
		if name == "" {
			return nil, awserr.MissingParameter("BlockDeviceMapping.DeviceName")
		}
		e := valueOf(m.Ebs)
		at := slices.IndexFunc(i.Devices, func(d state.Device) bool { return d.Name == name })
		if at < 0 {
			return nil, awserr.New("InvalidInstanceAttributeValue", "No device is currently mapped at %s", name)
		}
		if id := valueOf(e.VolumeId); id != "" && id != i.Devices[at].VolumeID {
			return nil, awserr.New("InvalidInstanceAttributeValue", "The volume '%s' is not mapped at %s", id, name)
		}
		out = append(out, command.DeviceChange{Name: name, DeleteOnTermination: valueOr(e.DeleteOnTermination, true)})
	}
	return out, nil
}

// flagOf is the value of a boolean attribute, which must be given.
func flagOf(a *types.AttributeBooleanValue) (*bool, error) {
	if a.Value == nil {
		return nil, awserr.MissingParameter("Value")
	}
	return a.Value, nil
}

// checkText refuses an attribute's text that is none of the allowed ones.
func checkText(name, text string, allowed ...string) error {
	if !slices.Contains(allowed, text) {
		return awserr.InvalidParameterValue("Invalid value '%s' for %s. Valid values: %s", text, name, strings.Join(allowed, ", "))
	}
	return nil
}
