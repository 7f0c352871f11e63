// SPDX-License-Identifier: Apache-2.0

package metricstore

// The kinds of subjects that nodes measure.
const (
	Instance = "instance"
	Volume   = "volume"
	Node     = "node"
)

// The metrics that nodes measure. Amounts are what was used in the interval that the sample ends.
const (
	CPUPercent   = "cpu_percent" // of an instance's vCPUs, or of a node's processors
	ReadOps      = "read_ops"    // of an instance's volumes, or of one volume
	WriteOps     = "write_ops"
	ReadBytes    = "read_bytes"
	WriteBytes   = "write_bytes"
	ReadSeconds  = "read_seconds" // the durations of a volume's operations, summed
	WriteSeconds = "write_seconds"
	NetInBytes   = "net_in_bytes"
	NetOutBytes  = "net_out_bytes"

	CheckFailed         = "check_failed" // 0 or 1: one of the two below
	CheckFailedInstance = "check_failed_instance"
	CheckFailedSystem   = "check_failed_system"

	MemoryPercent        = "memory_percent" // of a node
	MemoryUsedBytes      = "memory_used_bytes"
	StorageUsedBytes     = "storage_used_bytes" // of the file system of a node's data directory
	StorageFreeBytes     = "storage_free_bytes"
	AllocatedVCPUs       = "allocated_vcpus"
	AllocatedMemoryBytes = "allocated_memory_bytes"
	RunningInstances     = "running_instances"
)
