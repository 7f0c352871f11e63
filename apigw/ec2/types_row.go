// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/compute/instancetypes"
)

// typeInfo is an instance type as DescribeInstanceTypes shows it.
func typeInfo(t instancetypes.Type) types.InstanceTypeInfo {
	return types.InstanceTypeInfo{
		InstanceType: types.InstanceType(t.Name), CurrentGeneration: aws.Bool(t.CurrentGeneration), FreeTierEligible: aws.Bool(t.FreeTier),
		SupportedUsageClasses:         named[types.UsageClassType](t.UsageClasses),
		SupportedRootDeviceTypes:      named[types.RootDeviceType](t.RootDeviceTypes),
		SupportedVirtualizationTypes:  named[types.VirtualizationType](t.VirtualizationTypes),
		SupportedBootModes:            named[types.BootModeType](t.BootModes),
		BareMetal:                     aws.Bool(t.BareMetal),
		Hypervisor:                    types.InstanceTypeHypervisor(t.Hypervisor),
		ProcessorInfo:                 processorInfo(t),
		VCpuInfo:                      vcpuInfo(t),
		MemoryInfo:                    &types.MemoryInfo{SizeInMiB: aws.Int64(t.MemoryMiB)},
		InstanceStorageSupported:      aws.Bool(t.InstanceStorage),
		EbsInfo:                       ebsInfo(t.EBS),
		NetworkInfo:                   networkInfo(t.Network),
		PlacementGroupInfo:            &types.PlacementGroupInfo{SupportedStrategies: named[types.PlacementGroupStrategy](t.PlacementStrategies)},
		HibernationSupported:          aws.Bool(t.Hibernation),
		BurstablePerformanceSupported: aws.Bool(t.Burstable),
		DedicatedHostsSupported:       aws.Bool(t.DedicatedHosts),
		AutoRecoverySupported:         aws.Bool(t.AutoRecovery),
		NitroEnclavesSupport:          supported[types.NitroEnclavesSupport](t.NitroEnclaves),
		NitroTpmSupport:               supported[types.NitroTpmSupport](t.NitroTPM),
		NitroTpmInfo:                  tpmInfo(t),
		PhcSupport:                    types.PhcSupportUnsupported,
		RebootMigrationSupport:        types.RebootMigrationSupportUnsupported,
	}
}

func processorInfo(t instancetypes.Type) *types.ProcessorInfo {
	return &types.ProcessorInfo{SupportedArchitectures: named[types.ArchitectureType](t.Architectures),
		SustainedClockSpeedInGhz: aws.Float64(t.ClockGHz), Manufacturer: aws.String(t.Manufacturer)}
}

func vcpuInfo(t instancetypes.Type) *types.VCpuInfo {
	return &types.VCpuInfo{DefaultVCpus: aws.Int32(int32(t.VCPUs)), DefaultCores: aws.Int32(int32(t.Cores)),
		DefaultThreadsPerCore: aws.Int32(int32(t.ThreadsPerCore)), ValidCores: int32s(t.ValidCores), ValidThreadsPerCore: int32s(t.ValidThreads)}
}

func ebsInfo(e instancetypes.EBS) *types.EbsInfo {
	info := &types.EbsInfo{EbsOptimizedSupport: types.EbsOptimizedSupport(e.Optimized),
		EncryptionSupport: supported[types.EbsEncryptionSupport](e.Encryption), NvmeSupport: types.EbsNvmeSupport(e.NVMe)}
	if e.BaselineMbps > 0 {
		info.EbsOptimizedInfo = &types.EbsOptimizedInfo{
			BaselineBandwidthInMbps: aws.Int32(int32(e.BaselineMbps)), BaselineThroughputInMBps: aws.Float64(e.BaselineMBps()),
			BaselineIops: aws.Int32(int32(e.BaselineIOPS)), MaximumBandwidthInMbps: aws.Int32(int32(e.MaxMbps)),
			MaximumThroughputInMBps: aws.Float64(e.MaxMBps()), MaximumIops: aws.Int32(int32(e.MaxIOPS)),
		}
	}
	return info
}

func networkInfo(n instancetypes.Network) *types.NetworkInfo {
	return &types.NetworkInfo{
		NetworkPerformance: aws.String(n.Performance), MaximumNetworkInterfaces: aws.Int32(int32(n.MaxENIs)),
		MaximumNetworkCards: aws.Int32(int32(n.Cards)), DefaultNetworkCardIndex: aws.Int32(0),
		NetworkCards: []types.NetworkCardInfo{{NetworkCardIndex: aws.Int32(0), NetworkPerformance: aws.String(n.Performance),
			MaximumNetworkInterfaces: aws.Int32(int32(n.MaxENIs)), BaselineBandwidthInGbps: aws.Float64(n.BaselineGbps),
			PeakBandwidthInGbps: aws.Float64(n.PeakGbps)}},
		Ipv4AddressesPerInterface: aws.Int32(int32(n.IPv4PerENI)), Ipv6AddressesPerInterface: aws.Int32(int32(n.IPv6PerENI)),
		Ipv6Supported: aws.Bool(n.IPv6PerENI > 0), EnaSupport: types.EnaSupport(n.ENA), EfaSupported: aws.Bool(n.EFA),
		EncryptionInTransitSupported: aws.Bool(n.Encryption), EnaSrdSupported: aws.Bool(false),
		FlexibleEnaQueuesSupport: types.FlexibleEnaQueuesSupportUnsupported,
	}
}

func tpmInfo(t instancetypes.Type) *types.NitroTpmInfo {
	if !t.NitroTPM {
		return nil
	}
	return &types.NitroTpmInfo{SupportedVersions: []string{"2.0"}}
}

// named turns the catalogue's names into one of the SDK's enumerations.
func named[T ~string](names []string) []T {
	var out []T
	for _, n := range names {
		out = append(out, T(n))
	}
	return out
}

// supported is EC2's word for a capability.
func supported[T ~string](yes bool) T {
	if yes {
		return "supported"
	}
	return "unsupported"
}

func int32s(n []int) []int32 {
	var out []int32
	for _, v := range n {
		out = append(out, int32(v))
	}
	return out
}
