// SPDX-License-Identifier: Apache-2.0

package instancetypes

import (
	"cmp"
	"slices"
	"strings"
)

// Architectures as EC2 names them.
const (
	ArchI386  = "i386"
	ArchX8664 = "x86_64"
	ArchARM64 = "arm64"
)

// Type is an instance type: what DescribeInstanceTypes tells about it
// (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html).
type Type struct {
	Name   string // t3.micro
	Family string // t3
	Size   string // micro

	CurrentGeneration bool
	FreeTier          bool
	Burstable         bool
	BaselinePercent   float64 // of one vCPU, for each vCPU; 0 when not burstable
	DefaultCPUCredits string  // standard or unlimited; "" when not burstable
	Hypervisor        string  // nitro or xen: what AWS says; underneath it is always QEMU

	VCPUs          int
	Cores          int   // default number of cores
	ThreadsPerCore int   // default threads of a core
	ValidCores     []int // what CpuOptions may ask for; empty when the type takes no CpuOptions
	ValidThreads   []int
	ClockGHz       float64 // sustained clock speed
	Manufacturer   string  // Intel, AMD or AWS
	Architectures  []string
	MemoryMiB      int64

	Network Network
	EBS     EBS

	BootModes           []string // legacy-bios, uefi
	PlacementStrategies []string // cluster, partition, spread
	UsageClasses        []string // on-demand; Hive has no spot market
	VirtualizationTypes []string // hvm
	RootDeviceTypes     []string // ebs
	BareMetal           bool     // never
	InstanceStorage     bool     // never
	GPUs                int      // always 0
	Hibernation         bool     // not yet
	DedicatedHosts      bool     // never
	AutoRecovery        bool
	NitroTPM            bool // a TPM 2.0 can be attached
	NitroEnclaves       bool // never
}

// Network is a type's networking.
type Network struct {
	Performance  string // as AWS words it: "Up to 5 Gigabit"
	BaselineGbps float64
	PeakGbps     float64
	MaxENIs      int
	IPv4PerENI   int
	IPv6PerENI   int
	Cards        int    // network cards, always 1
	ENA          string // required or unsupported
	EFA          bool   // never
	Encryption   bool   // in transit, between instances; Hive does not encrypt the overlay per instance, so never
}

// EBS is what a type can do with its volumes. Bandwidths are in Mbit/s.
type EBS struct {
	Optimized    string // default or unsupported
	NVMe         string // required or unsupported
	Encryption   bool   // encrypted volumes may be attached
	BaselineMbps int
	BaselineIOPS int
	MaxMbps      int
	MaxIOPS      int
}

// BaselineMBps is the baseline throughput in MB/s.
func (e EBS) BaselineMBps() float64 { return float64(e.BaselineMbps) / 8 }

// MaxMBps is the maximum throughput in MB/s.
func (e EBS) MaxMBps() float64 { return float64(e.MaxMbps) / 8 }

// CreditsPerHour is how many CPU credits a burstable instance earns in an hour; a credit is one vCPU at 100 % for a minute
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html).
func (t Type) CreditsPerHour() float64 {
	return t.BaselinePercent / 100 * 60 * float64(t.VCPUs)
}

// Supports tells whether the type has an architecture.
func (t Type) Supports(arch string) bool { return slices.Contains(t.Architectures, arch) }

// Lookup finds a type by name.
func Lookup(name string) (Type, bool) {
	i, ok := slices.BinarySearchFunc(catalogue(), name, func(t Type, n string) int { return strings.Compare(t.Name, n) })
	if !ok {
		return Type{}, false
	}
	return catalogue()[i], true
}

// All is the whole catalogue, sorted by name. The slice is the caller's; what its elements point to is not.
func All() []Type { return slices.Clone(catalogue()) }

func byName(a, b Type) int { return cmp.Compare(a.Name, b.Name) }
