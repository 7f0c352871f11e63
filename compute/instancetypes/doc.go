// SPDX-License-Identifier: Apache-2.0

// Package instancetypes is the catalogue of EC2 instance types that Hive can run, and the arithmetic of what they cost a host.
//
// It is pure: text and numbers in, numbers out. Nothing here reads a file, a clock or the host; callers pass /proc/cpuinfo's
// text to [ParseCPUInfo] and totals to [Reserve]. There are no goroutines, and all exported functions may be called concurrently.
//
// A type is a family (families.go: CPU, architecture, memory per vCPU) crossed with a size (sizes.tsv: vCPUs, interfaces,
// bandwidths). The numbers are those of EC2's DescribeInstanceTypes; testdata/aws.txt pins them. Where Hive cannot do what AWS
// does (spot, hibernation, enclaves) the type says so rather than repeat AWS's answer.
//
// A host offers what its CPU generation stands for (generation.go, host.go), so that m7i.large means the same silicon here as
// at AWS. Without hardware virtualisation only the burstable families are offered: nobody should get an emulated m7i.
//
// Invariants: memory is never overcommitted; a type that is offered fits an empty host; [All] is sorted by name and does not
// change while the process lives. Callers must not modify slices of a returned [Type]: they are shared.
//
// Start reading at Type in type.go, then Offered in host.go and Reserve in reserve.go.
package instancetypes
