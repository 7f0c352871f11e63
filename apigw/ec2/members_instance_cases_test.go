// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"encoding/base64"
	"encoding/json"
	"maps"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// memberCases are the calls of TestEveryDeclaredMemberChangesSomething, by action.
var memberCases = joinCases(instanceCases, attributeCases, typeCases, resourceCases, imageCases, placementCases, profileCases)

func joinCases(parts ...map[string][]memberCase) map[string][]memberCase {
	all := map[string][]memberCase{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// listCases are the cases of a Describe action: filter=value matches something, other is another filter.
func listCases(base func(f *fixture) any, setFilters func(in any, f []types.Filter), filter, value string, other any, more map[string]any) []memberCase {
	paging := map[string]any{"MaxResults": refusedValue{int32(1)}, "NextToken": refusedValue{"made-up"}}
	maps.Copy(paging, more)
	return []memberCase{
		{base: base, vary: paging},
		{base: func(f *fixture) any {
			in := base(f)
			setFilters(in, filters(filter, value))
			return in
		}, vary: map[string]any{"Filters.Name": other, "Filters.Values": []string{"no-such-value"}}},
	}
}

func runBase(f *fixture) *sdk.RunInstancesInput {
	return &sdk.RunInstancesInput{ImageId: &f.image, InstanceType: "t3.2xlarge", MinCount: ptr[int32](1), MaxCount: ptr[int32](2),
		BlockDeviceMappings: []types.BlockDeviceMapping{{DeviceName: ptr("/dev/sdf"), Ebs: &types.EbsBlockDevice{VolumeSize: ptr[int32](20), VolumeType: "gp3"}}},
		TagSpecifications:   []types.TagSpecification{{ResourceType: "instance", Tags: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}},
		CpuOptions:          &types.CpuOptionsRequest{CoreCount: ptr[int32](4), ThreadsPerCore: ptr[int32](2)},
		KeyName:             ptr("alice"),
	}
}

var instanceCases = map[string][]memberCase{
	"RunInstances": {
		{base: func(f *fixture) any { return runBase(f) }, vary: map[string]any{
			"ImageId": func(f *fixture) any { return f.private }, "InstanceType": refusedValue{"t2.micro"}, "MinCount": int32(2), "MaxCount": int32(3), "KeyName": "second",
			"UserData": base64.StdEncoding.EncodeToString([]byte("hello")), "ClientToken": "token",
			"TagSpecifications.ResourceType": "volume", "TagSpecifications.Tags.Key": "c", "TagSpecifications.Tags.Value": "",
			"BlockDeviceMappings.DeviceName": "/dev/sdg", "BlockDeviceMappings.NoDevice": refusedValue{""},
			"BlockDeviceMappings.Ebs.VolumeSize": int32(21), "BlockDeviceMappings.Ebs.VolumeType": "gp2", "BlockDeviceMappings.Ebs.Iops": int32(4000),
			"BlockDeviceMappings.Ebs.Throughput": int32(200), "BlockDeviceMappings.Ebs.DeleteOnTermination": false,
			"BlockDeviceMappings.Ebs.SnapshotId": func(f *fixture) any {
				image, _ := state.Images.Get(f.FSM.View(), alice, f.private)
				return image.Devices[0].SnapshotID
			},
			"Placement.AvailabilityZone": refusedValue{fsmtest.Name + "b"}, "Placement.AvailabilityZoneId": refusedValue{"eut1-az2"},
			"SubnetId":              refusedValue{"subnet-0" + alice + "000b"},
			"SecurityGroupIds":      refusedValue{[]string{"sg-0123456789abcdef0"}},
			"SecurityGroups":        refusedValue{[]string{"web"}},
			"DisableApiTermination": true, "DisableApiStop": true, "EbsOptimized": true, "Monitoring.Enabled": true, "InstanceInitiatedShutdownBehavior": "terminate",
			"CreditSpecification.CpuCredits": "standard", "MaintenanceOptions.AutoRecovery": "disabled",
			"MetadataOptions.HttpTokens": "required", "MetadataOptions.HttpEndpoint": "disabled", "MetadataOptions.HttpPutResponseHopLimit": int32(2),
			"MetadataOptions.HttpProtocolIpv6": "enabled", "MetadataOptions.InstanceMetadataTags": "enabled",
			"CpuOptions.CoreCount": int32(2), "CpuOptions.ThreadsPerCore": int32(1),
		}},
		{base: func(f *fixture) any {
			in := runBase(f)
			in.CpuOptions, in.InstanceType, in.BlockDeviceMappings = nil, "t3.micro", nil
			return in
		}, vary: map[string]any{"InstanceType": "t3.small"}},
		placedCase("second", "", map[string]any{"Placement.GroupName": "third", "Placement.PartitionNumber": int32(2)}),
		placedCase("", partitionGroup, map[string]any{"Placement.GroupId": spreadGroup}),
		profiledLaunch(func() *types.IamInstanceProfileSpecification { return byName("web") }, map[string]any{"IamInstanceProfile.Name": "batch"}),
		profiledLaunch(func() *types.IamInstanceProfileSpecification { return byARN("web") }, map[string]any{"IamInstanceProfile.Arn": profileARN("batch")}),
	},
	"DescribeInstances": listCases(func(*fixture) any { return &sdk.DescribeInstancesInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeInstancesInput).Filters = f }, "instance-state-name", "running", "key-name",
		map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }}),
	"DescribeInstanceStatus": listCases(func(*fixture) any { return &sdk.DescribeInstanceStatusInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeInstanceStatusInput).Filters = f }, "instance-state-name", "running", "availability-zone",
		map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }, "IncludeAllInstances": true}),
	"StartInstances": {{base: func(f *fixture) any { return &sdk.StartInstancesInput{InstanceIds: []string{f.stopped}} },
		vary: map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.running} }}}},
	"StopInstances": {{base: func(f *fixture) any { return &sdk.StopInstancesInput{InstanceIds: []string{f.running}} },
		vary: map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }, "Force": true, "SkipOsShutdown": true}}},
	"RebootInstances": {{base: func(f *fixture) any { return &sdk.RebootInstancesInput{InstanceIds: []string{f.running}} },
		vary: map[string]any{"InstanceIds": refusedValue{func(f *fixture) any { return []string{f.stopped} }}}}},
	"TerminateInstances": {{base: func(f *fixture) any { return &sdk.TerminateInstancesInput{InstanceIds: []string{f.running}} },
		vary: map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }}}},
	"MonitorInstances": {{base: func(f *fixture) any { return &sdk.MonitorInstancesInput{InstanceIds: []string{f.running}} },
		vary: map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }}}},
	"UnmonitorInstances": {{base: func(f *fixture) any { return &sdk.UnmonitorInstancesInput{InstanceIds: []string{f.running}} },
		vary: map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }}}},
	"GetConsoleOutput": {
		{base: func(f *fixture) any { return &sdk.GetConsoleOutputInput{InstanceId: &f.running} },
			vary: map[string]any{"InstanceId": func(f *fixture) any { return f.stopped }}},
		{base: func(f *fixture) any {
			// AWS gives the latest output of Nitro types only; that is what Latest decides.
			return &sdk.GetConsoleOutputInput{InstanceId: ptr(f.runXen())}
		}, vary: map[string]any{"Latest": refusedValue{true}}},
	},
	"GetConsoleScreenshot": {{base: func(f *fixture) any { return &sdk.GetConsoleScreenshotInput{InstanceId: &f.running} },
		vary: map[string]any{"InstanceId": refusedValue{func(f *fixture) any { return f.stopped }}}}},
}

var attributeCases = map[string][]memberCase{
	"DescribeInstanceAttribute": {{base: func(f *fixture) any {
		return &sdk.DescribeInstanceAttributeInput{InstanceId: &f.running, Attribute: "instanceType"}
	}, vary: map[string]any{"InstanceId": func(f *fixture) any { return f.stopped }, "Attribute": "userData"}}},
	"ModifyInstanceAttribute": {
		modifyCase(sdk.ModifyInstanceAttributeInput{DisableApiTermination: attributeFlag(true)}, map[string]any{
			"InstanceId": func(f *fixture) any { return f.running }, "DisableApiTermination.Value": false}),
		modifyCase(sdk.ModifyInstanceAttributeInput{DisableApiStop: attributeFlag(true)}, map[string]any{"DisableApiStop.Value": false}),
		modifyCase(sdk.ModifyInstanceAttributeInput{EbsOptimized: attributeFlag(true)}, map[string]any{"EbsOptimized.Value": false}),
		modifyCase(sdk.ModifyInstanceAttributeInput{EnaSupport: attributeFlag(true)}, map[string]any{"EnaSupport.Value": false}),
		modifyCase(sdk.ModifyInstanceAttributeInput{SourceDestCheck: attributeFlag(true)}, map[string]any{"SourceDestCheck.Value": false}),
		modifyCase(sdk.ModifyInstanceAttributeInput{InstanceType: attribute("t3.small")}, map[string]any{"InstanceType.Value": "t3.2xlarge"}),
		modifyCase(sdk.ModifyInstanceAttributeInput{UserData: &types.SecureBlobAttributeValue{Value: []byte("a")}}, map[string]any{"UserData.Value": []byte("b")}),
		modifyCase(sdk.ModifyInstanceAttributeInput{InstanceInitiatedShutdownBehavior: attribute("stop")}, map[string]any{"InstanceInitiatedShutdownBehavior.Value": "terminate"}),
		modifyCase(sdk.ModifyInstanceAttributeInput{SriovNetSupport: attribute("simple")}, map[string]any{"SriovNetSupport.Value": refusedValue{"complex"}}),
		modifyCase(sdk.ModifyInstanceAttributeInput{Groups: []string{"sg-0" + alice + "0000"}}, map[string]any{"Groups": refusedValue{[]string{"sg-0" + bob + "0000"}}}),
		modifyCase(sdk.ModifyInstanceAttributeInput{Attribute: "disableApiStop", Value: ptr("true")}, map[string]any{"Attribute": "disableApiTermination", "Value": "false"}),
		modifyCase(sdk.ModifyInstanceAttributeInput{BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{{DeviceName: ptr("/dev/sda1"), Ebs: &types.EbsInstanceBlockDeviceSpecification{}}}},
			map[string]any{"BlockDeviceMappings.DeviceName": refusedValue{"/dev/sdb"}, "BlockDeviceMappings.Ebs.DeleteOnTermination": false,
				"BlockDeviceMappings.Ebs.VolumeId": refusedValue{"vol-0123456789abcdef0"}}),
	},
	"ResetInstanceAttribute": {{base: func(f *fixture) any {
		return &sdk.ResetInstanceAttributeInput{InstanceId: &f.stopped, Attribute: "sourceDestCheck"}
	}, vary: map[string]any{"InstanceId": func(f *fixture) any { return f.running }, "Attribute": "kernel"}}},
	"ModifyInstanceMetadataOptions": {{base: func(f *fixture) any { return &sdk.ModifyInstanceMetadataOptionsInput{InstanceId: &f.running} },
		vary: map[string]any{"InstanceId": func(f *fixture) any { return f.stopped }, "HttpTokens": "required", "HttpPutResponseHopLimit": int32(9),
			"HttpEndpoint": "disabled", "HttpProtocolIpv6": "enabled", "InstanceMetadataTags": "enabled"}}},
	"ModifyInstanceMaintenanceOptions": {{base: func(f *fixture) any { return &sdk.ModifyInstanceMaintenanceOptionsInput{InstanceId: &f.running} },
		vary: map[string]any{"InstanceId": func(f *fixture) any { return f.stopped }, "AutoRecovery": "disabled", "RebootMigration": "disabled"}}},
	"ModifyInstanceCpuOptions": {{base: func(f *fixture) any {
		return &sdk.ModifyInstanceCpuOptionsInput{InstanceId: &f.stopped, CoreCount: ptr[int32](1), ThreadsPerCore: ptr[int32](1)}
	}, vary: map[string]any{"InstanceId": refusedValue{func(f *fixture) any { return f.running }}, "CoreCount": refusedValue{int32(7)}, "ThreadsPerCore": int32(2)}}},
	"ModifyInstanceCreditSpecification": {{base: func(f *fixture) any {
		return &sdk.ModifyInstanceCreditSpecificationInput{InstanceCreditSpecifications: []types.InstanceCreditSpecificationRequest{{InstanceId: &f.running, CpuCredits: ptr("standard")}}}
	}, vary: map[string]any{"InstanceCreditSpecifications.InstanceId": func(f *fixture) any { return f.stopped }, "InstanceCreditSpecifications.CpuCredits": "unlimited"}}},
	"DescribeInstanceCreditSpecifications": listCases(func(*fixture) any { return &sdk.DescribeInstanceCreditSpecificationsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeInstanceCreditSpecificationsInput).Filters = f }, "instance-id", "i-*", refusedValue{"colour"},
		map[string]any{"InstanceIds": func(f *fixture) any { return []string{f.stopped} }}),
}

// modifyCase changes an attribute of the stopped instance.
func modifyCase(in sdk.ModifyInstanceAttributeInput, vary map[string]any) memberCase {
	return memberCase{vary: vary, base: func(f *fixture) any {
		fresh := copied(f, in)
		fresh.InstanceId = &f.stopped
		return fresh
	}}
}

// copied is a deep copy of an input.
func copied[In any](f *fixture, in In) *In {
	b, err := json.Marshal(in)
	if err != nil {
		f.t.Fatal(err)
	}
	out := new(In)
	if err := json.Unmarshal(b, out); err != nil {
		f.t.Fatal(err)
	}
	return out
}

var typeCases = map[string][]memberCase{
	"DescribeInstanceTypes": listCases(func(*fixture) any { return &sdk.DescribeInstanceTypesInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeInstanceTypesInput).Filters = f }, "vcpu-info.default-vcpus", "2", "vcpu-info.default-cores",
		map[string]any{"InstanceTypes": []types.InstanceType{"t3.micro"}, "IncludeUnsupportedInRegion": true}),
	"DescribeInstanceTypeOfferings": listCases(func(*fixture) any { return &sdk.DescribeInstanceTypeOfferingsInput{} },
		func(in any, f []types.Filter) { in.(*sdk.DescribeInstanceTypeOfferingsInput).Filters = f }, "instance-type", "t3.*", "location",
		map[string]any{"LocationType": "availability-zone"}),
}
