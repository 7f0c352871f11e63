// SPDX-License-Identifier: Apache-2.0

package ec2

import "github.com/hivecloud/hive/apigw"

// instanceMembers declares the members of the actions on instances as a whole.
var instanceMembers = apigw.Members{
	"RunInstances": {
		"ImageId", "InstanceType", "MinCount", "MaxCount", "KeyName", "UserData", "ClientToken", "TagSpecifications.*",
		"BlockDeviceMappings.DeviceName", "BlockDeviceMappings.NoDevice",
		"BlockDeviceMappings.Ebs.VolumeSize", "BlockDeviceMappings.Ebs.VolumeType", "BlockDeviceMappings.Ebs.Iops",
		"BlockDeviceMappings.Ebs.Throughput", "BlockDeviceMappings.Ebs.SnapshotId", "BlockDeviceMappings.Ebs.DeleteOnTermination",
		"BlockDeviceMappings.Ebs.Encrypted=false", "BlockDeviceMappings.Ebs.EbsCardIndex=0",
		"Placement.AvailabilityZone", "Placement.AvailabilityZoneId", "Placement.GroupName", "Placement.GroupId", "Placement.PartitionNumber",
		"Placement.Tenancy=default", "Placement.Affinity=default",
		"SubnetId", "SecurityGroupIds", "SecurityGroups", "IamInstanceProfile.Arn", "IamInstanceProfile.Name",
		"DisableApiTermination", "DisableApiStop", "EbsOptimized", "Monitoring.Enabled", "InstanceInitiatedShutdownBehavior",
		"CreditSpecification.CpuCredits", "MetadataOptions.*", "MaintenanceOptions.AutoRecovery",
		"CpuOptions.CoreCount", "CpuOptions.ThreadsPerCore", "CpuOptions.AmdSevSnp=disabled", "CpuOptions.NestedVirtualization=disabled",
		// Not implemented: AWS's defaults, which clients send.
		"HibernationOptions.Configured=false", "EnclaveOptions.Enabled=false", "Ipv6AddressCount=0", "EnablePrimaryIpv6=false",
		"CapacityReservationSpecification.CapacityReservationPreference=open", "NetworkPerformanceOptions.BandwidthWeighting=default",
		"PrivateDnsNameOptions.HostnameType=ip-name", "PrivateDnsNameOptions.EnableResourceNameDnsARecord=false",
		"PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord=false",
	},
	"DescribeInstances":      {"InstanceIds", "Filters.*", "MaxResults", "NextToken", "IncludeManagedResources"},
	"DescribeInstanceStatus": {"InstanceIds", "Filters.*", "MaxResults", "NextToken", "IncludeAllInstances", "IncludeManagedResources"},
	"StartInstances":         {"InstanceIds"},
	"StopInstances":          {"InstanceIds", "Force", "SkipOsShutdown", "Hibernate=false"},
	"RebootInstances":        {"InstanceIds"},
	"TerminateInstances":     {"InstanceIds", "Force=false", "SkipOsShutdown=false"},
	"MonitorInstances":       {"InstanceIds"},
	"UnmonitorInstances":     {"InstanceIds"},
	"GetConsoleOutput":       {"InstanceId", "Latest"},
	"GetConsoleScreenshot":   {"InstanceId", "WakeUp=false"},
	"GetInstanceUefiData":    {"InstanceId"},
}
