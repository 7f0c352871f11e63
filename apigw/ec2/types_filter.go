// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// typeValues reads the values that a filter of DescribeInstanceTypes compares with.
type typeValues = map[string]func(types.InstanceTypeInfo) []string

// typeFilters are DescribeInstanceTypes' filters, by the names of the API reference. No type has local disks, EFA or
// weighted bandwidth.
var typeFilters = mergeFilters(typeTraitFilters, typeEBSFilters, typeNetworkFilters, typeCPUFilters,
	absent[types.InstanceTypeInfo]("instance-storage-info.disk.count", "instance-storage-info.disk.size-in-gb",
		"instance-storage-info.disk.type", "instance-storage-info.encryption-support", "instance-storage-info.nvme-support",
		"instance-storage-info.total-size-in-gb", "network-info.bandwidth-weightings", "network-info.efa-info.maximum-efa-interfaces",
		"ebs-info.attachment-limit-type", "ebs-info.maximum-ebs-attachments", "processor-info.supported-features"))

var typeTraitFilters = typeValues{
	"instance-type":                     func(t types.InstanceTypeInfo) []string { return some(string(t.InstanceType)) },
	"auto-recovery-supported":           func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.AutoRecoverySupported)) },
	"bare-metal":                        func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.BareMetal)) },
	"burstable-performance-supported":   func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.BurstablePerformanceSupported)) },
	"current-generation":                func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.CurrentGeneration)) },
	"dedicated-hosts-supported":         func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.DedicatedHostsSupported)) },
	"free-tier-eligible":                func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.FreeTierEligible)) },
	"hibernation-supported":             func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.HibernationSupported)) },
	"hypervisor":                        func(t types.InstanceTypeInfo) []string { return some(string(t.Hypervisor)) },
	"instance-storage-supported":        func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.InstanceStorageSupported)) },
	"nitro-enclaves-support":            func(t types.InstanceTypeInfo) []string { return some(string(t.NitroEnclavesSupport)) },
	"nitro-tpm-support":                 func(t types.InstanceTypeInfo) []string { return some(string(t.NitroTpmSupport)) },
	"nitro-tpm-info.supported-versions": func(t types.InstanceTypeInfo) []string { return valueOf(t.NitroTpmInfo).SupportedVersions },
	"reboot-migration-support":          func(t types.InstanceTypeInfo) []string { return some(string(t.RebootMigrationSupport)) },
	"supported-boot-mode":               func(t types.InstanceTypeInfo) []string { return texts(t.SupportedBootModes) },
	"supported-root-device-type":        func(t types.InstanceTypeInfo) []string { return texts(t.SupportedRootDeviceTypes) },
	"supported-usage-class":             func(t types.InstanceTypeInfo) []string { return texts(t.SupportedUsageClasses) },
	"supported-virtualization-type":     func(t types.InstanceTypeInfo) []string { return texts(t.SupportedVirtualizationTypes) },
}

var typeCPUFilters = typeValues{
	"memory-info.size-in-mib":                     func(t types.InstanceTypeInfo) []string { return number(t.MemoryInfo.SizeInMiB) },
	"processor-info.supported-architecture":       func(t types.InstanceTypeInfo) []string { return texts(t.ProcessorInfo.SupportedArchitectures) },
	"processor-info.sustained-clock-speed-in-ghz": func(t types.InstanceTypeInfo) []string { return decimal(t.ProcessorInfo.SustainedClockSpeedInGhz) },
	"vcpu-info.default-cores":                     func(t types.InstanceTypeInfo) []string { return number(t.VCpuInfo.DefaultCores) },
	"vcpu-info.default-threads-per-core":          func(t types.InstanceTypeInfo) []string { return number(t.VCpuInfo.DefaultThreadsPerCore) },
	"vcpu-info.default-vcpus":                     func(t types.InstanceTypeInfo) []string { return number(t.VCpuInfo.DefaultVCpus) },
	"vcpu-info.valid-cores":                       func(t types.InstanceTypeInfo) []string { return numbers(t.VCpuInfo.ValidCores) },
	"vcpu-info.valid-threads-per-core":            func(t types.InstanceTypeInfo) []string { return numbers(t.VCpuInfo.ValidThreadsPerCore) },
}

var typeEBSFilters = typeValues{
	"ebs-info.ebs-optimized-support": func(t types.InstanceTypeInfo) []string { return some(string(t.EbsInfo.EbsOptimizedSupport)) },
	"ebs-info.encryption-support":    func(t types.InstanceTypeInfo) []string { return some(string(t.EbsInfo.EncryptionSupport)) },
	"ebs-info.nvme-support":          func(t types.InstanceTypeInfo) []string { return some(string(t.EbsInfo.NvmeSupport)) },
	"ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps": func(t types.InstanceTypeInfo) []string {
		return number(valueOf(t.EbsInfo.EbsOptimizedInfo).BaselineBandwidthInMbps)
	},
	"ebs-info.ebs-optimized-info.baseline-iops": func(t types.InstanceTypeInfo) []string {
		return number(valueOf(t.EbsInfo.EbsOptimizedInfo).BaselineIops)
	},
	"ebs-info.ebs-optimized-info.baseline-throughput-in-mbps": func(t types.InstanceTypeInfo) []string {
		return decimal(valueOf(t.EbsInfo.EbsOptimizedInfo).BaselineThroughputInMBps)
	},
	"ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps": func(t types.InstanceTypeInfo) []string {
		return number(valueOf(t.EbsInfo.EbsOptimizedInfo).MaximumBandwidthInMbps)
	},
	"ebs-info.ebs-optimized-info.maximum-iops": func(t types.InstanceTypeInfo) []string {
		return number(valueOf(t.EbsInfo.EbsOptimizedInfo).MaximumIops)
	},
	"ebs-info.ebs-optimized-info.maximum-throughput-in-mbps": func(t types.InstanceTypeInfo) []string {
		return decimal(valueOf(t.EbsInfo.EbsOptimizedInfo).MaximumThroughputInMBps)
	},
}

var typeNetworkFilters = typeValues{
	"network-info.efa-supported":               func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.NetworkInfo.EfaSupported)) },
	"network-info.ena-support":                 func(t types.InstanceTypeInfo) []string { return some(string(t.NetworkInfo.EnaSupport)) },
	"network-info.flexible-ena-queues-support": func(t types.InstanceTypeInfo) []string { return some(string(t.NetworkInfo.FlexibleEnaQueuesSupport)) },
	"network-info.encryption-in-transit-supported": func(t types.InstanceTypeInfo) []string {
		return flag(valueOf(t.NetworkInfo.EncryptionInTransitSupported))
	},
	"network-info.ipv4-addresses-per-interface": func(t types.InstanceTypeInfo) []string { return number(t.NetworkInfo.Ipv4AddressesPerInterface) },
	"network-info.ipv6-addresses-per-interface": func(t types.InstanceTypeInfo) []string { return number(t.NetworkInfo.Ipv6AddressesPerInterface) },
	"network-info.ipv6-supported":               func(t types.InstanceTypeInfo) []string { return flag(valueOf(t.NetworkInfo.Ipv6Supported)) },
	"network-info.maximum-network-cards":        func(t types.InstanceTypeInfo) []string { return number(t.NetworkInfo.MaximumNetworkCards) },
	"network-info.maximum-network-interfaces":   func(t types.InstanceTypeInfo) []string { return number(t.NetworkInfo.MaximumNetworkInterfaces) },
	"network-info.network-performance":          func(t types.InstanceTypeInfo) []string { return some(valueOf(t.NetworkInfo.NetworkPerformance)) },
}

func texts[T ~string](list []T) []string { return each(list, func(v T) string { return string(v) }) }

func number[N int32 | int64](n *N) []string {
	if n == nil {
		return nil
	}
	return []string{fmt.Sprint(*n)}
}

func numbers(list []int32) []string {
	return each(list, func(n int32) string { return strconv.Itoa(int(n)) })
}

func decimal(n *float64) []string {
	if n == nil {
		return nil
	}
	return []string{strconv.FormatFloat(*n, 'f', -1, 64)}
}
