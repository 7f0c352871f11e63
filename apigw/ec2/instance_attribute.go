// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/base64"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// instanceAttributeMembers declares the members of the actions on attributes and options of an instance.
var instanceAttributeMembers = apigw.Members{
	"DescribeInstanceAttribute": {"InstanceId", "Attribute"},
	"ModifyInstanceAttribute": {
		"InstanceId", "Attribute", "Value", "InstanceType.Value", "UserData.Value", "DisableApiTermination.Value", "DisableApiStop.Value",
		"EbsOptimized.Value", "EnaSupport.Value", "SriovNetSupport.Value", "SourceDestCheck.Value", "InstanceInitiatedShutdownBehavior.Value",
		"Groups", "BlockDeviceMappings.DeviceName", "BlockDeviceMappings.Ebs.VolumeId", "BlockDeviceMappings.Ebs.DeleteOnTermination",
		"EnclaveOptions.Enabled=false",
	},
	"ResetInstanceAttribute":               {"InstanceId", "Attribute"},
	"ModifyInstanceMetadataOptions":        {"InstanceId", "HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "HttpProtocolIpv6", "InstanceMetadataTags"},
	"ModifyInstanceMaintenanceOptions":     {"InstanceId", "AutoRecovery", "RebootMigration"},
	"ModifyInstanceCpuOptions":             {"InstanceId", "CoreCount", "ThreadsPerCore", "NestedVirtualization=disabled"},
	"ModifyInstanceCreditSpecification":    {"ClientToken", "InstanceCreditSpecifications.*"},
	"DescribeInstanceCreditSpecifications": {"InstanceIds", "Filters.*", "MaxResults", "NextToken"},
}

// DescribeInstanceAttribute describes one attribute.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html
func (s *Service) DescribeInstanceAttribute(ctx context.Context, in *sdk.DescribeInstanceAttributeInput) (*sdk.DescribeInstanceAttributeOutput, error) {
	if in.Attribute == "" {
		return nil, awserr.MissingParameter("attribute")
	}
	if err := checkAttribute(in.Attribute); err != nil {
		return nil, err
	}
	t, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeInstanceAttributeOutput{InstanceId: aws.String(i.ID)}
	newInstanceRows(t.view, t.call.Account).describeAttribute(out, i, in.Attribute)
	return out, nil
}

// checkAttribute refuses what is no attribute of an instance.
func checkAttribute(name types.InstanceAttributeName) error {
	if checkEnum("attribute", name) != nil {
		return awserr.InvalidParameterValue("Value (%s) for parameter attribute is invalid. Unknown attribute.", string(name))
	}
	return nil
}

// describeAttribute fills the one member of the attribute in. An attribute without a value is an empty element: kernel
// and RAM disk always, user data when there is none.
func (r instanceRows) describeAttribute(out *sdk.DescribeInstanceAttributeOutput, i *state.Instance, name types.InstanceAttributeName) {
	switch name {
	case types.InstanceAttributeNameInstanceType:
		out.InstanceType = attribute(i.Type)
	case types.InstanceAttributeNameKernel:
		out.KernelId = attribute("")
	case types.InstanceAttributeNameRamdisk:
		out.RamdiskId = attribute("")
	case types.InstanceAttributeNameUserData:
		out.UserData = attribute(base64.StdEncoding.EncodeToString(r.view.UserData(i.UserDataHash)))
	case types.InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = attributeFlag(i.DisableAPITermination)
	case types.InstanceAttributeNameDisableApiStop:
		out.DisableApiStop = attributeFlag(i.DisableAPIStop)
	case types.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = attribute(i.ShutdownBehavior)
	case types.InstanceAttributeNameRootDeviceName:
		out.RootDeviceName = attribute(i.RootDevice)
	case types.InstanceAttributeNameBlockDeviceMapping:
		out.BlockDeviceMappings = append([]types.InstanceBlockDeviceMapping{}, r.devices(i)...)
	case types.InstanceAttributeNameProductCodes:
		out.ProductCodes = []types.ProductCode{}
	case types.InstanceAttributeNameSourceDestCheck:
		out.SourceDestCheck = attributeFlag(i.SourceDestCheck)
	case types.InstanceAttributeNameGroupSet:
		out.Groups = append([]types.GroupIdentifier{}, r.groups(i.SecurityGroups)...)
	case types.InstanceAttributeNameEbsOptimized:
		out.EbsOptimized = attributeFlag(i.EBSOptimized)
	case types.InstanceAttributeNameSriovNetSupport:
		out.SriovNetSupport = attribute(i.SriovNetSupport)
	case types.InstanceAttributeNameEnaSupport:
		out.EnaSupport = attributeFlag(i.ENASupport)
	case types.InstanceAttributeNameEnclaveOptions:
		out.EnclaveOptions = &types.EnclaveOptions{Enabled: aws.Bool(false)}
	}
}

// attribute is a text attribute; without a value it is present and empty.
func attribute(value string) *types.AttributeValue {
	return &types.AttributeValue{Value: optional(value)}
}

func attributeFlag(value bool) *types.AttributeBooleanValue {
	return &types.AttributeBooleanValue{Value: aws.Bool(value)}
}

// ResetInstanceAttribute sets an attribute back. Kernel and RAM disk are always at their default.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetInstanceAttribute.html
func (s *Service) ResetInstanceAttribute(ctx context.Context, in *sdk.ResetInstanceAttributeInput) (*sdk.ResetInstanceAttributeOutput, error) {
	if in.Attribute == "" {
		return nil, awserr.MissingParameter("attribute")
	}
	if err := checkAttribute(in.Attribute); err != nil {
		return nil, err
	}
	t, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	switch in.Attribute {
	case types.InstanceAttributeNameKernel, types.InstanceAttributeNameRamdisk:
		if i.State != state.Stopped {
			return nil, awserr.IncorrectInstanceState("The instance '%s' is not in the 'stopped' state.", i.ID)
		}
	case types.InstanceAttributeNameSourceDestCheck:
		change := command.ModifyInstance{AccountID: t.call.Account, InstanceID: i.ID, SourceDestCheck: aws.Bool(true)}
		if err := s.region.Propose(ctx, change, nil); err != nil {
			return nil, err
		}
	default:
		return nil, awserr.InvalidParameterValue("Value (%s) for parameter attribute is invalid. Only kernel, ramdisk and sourceDestCheck can be reset.", string(in.Attribute))
	}
	return &sdk.ResetInstanceAttributeOutput{}, nil
}
