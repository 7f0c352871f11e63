// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hivecloud/hive/internal/metricstore"
)

// namespace is a set of metrics of one kind of subject, with the one dimension that names the subject.
type namespace struct {
	name      string
	kind      string
	dimension string
	operator  bool // for the operator's account only
	metrics   []metric
}

// metric is one metric of a namespace.
type metric struct {
	name   string
	stored string // what the nodes call it
	unit   types.StandardUnit
}

// namespaces are all that there are, in order. EC2's DiskRead and DiskWrite metrics are those of instance store volumes
// on AWS, its EBSRead and EBSWrite metrics those of volumes; instances here have volumes only, and both names tell the
// same. CPU credits are not metered, so that there is no CPUCreditBalance.
var namespaces = []namespace{
	{name: "AWS/EBS", kind: metricstore.Volume, dimension: "VolumeId", metrics: []metric{
		{"VolumeReadBytes", metricstore.ReadBytes, types.StandardUnitBytes},
		{"VolumeReadOps", metricstore.ReadOps, types.StandardUnitCount},
		{"VolumeTotalReadTime", metricstore.ReadSeconds, types.StandardUnitSeconds},
		{"VolumeTotalWriteTime", metricstore.WriteSeconds, types.StandardUnitSeconds},
		{"VolumeWriteBytes", metricstore.WriteBytes, types.StandardUnitBytes},
		{"VolumeWriteOps", metricstore.WriteOps, types.StandardUnitCount},
	}},
	{name: "AWS/EC2", kind: metricstore.Instance, dimension: "InstanceId", metrics: []metric{
		{"CPUUtilization", metricstore.CPUPercent, types.StandardUnitPercent},
		{"DiskReadBytes", metricstore.ReadBytes, types.StandardUnitBytes},
		{"DiskReadOps", metricstore.ReadOps, types.StandardUnitCount},
		{"DiskWriteBytes", metricstore.WriteBytes, types.StandardUnitBytes},
		{"DiskWriteOps", metricstore.WriteOps, types.StandardUnitCount},
		{"EBSReadBytes", metricstore.ReadBytes, types.StandardUnitBytes},
		{"EBSReadOps", metricstore.ReadOps, types.StandardUnitCount},
		{"EBSWriteBytes", metricstore.WriteBytes, types.StandardUnitBytes},
		{"EBSWriteOps", metricstore.WriteOps, types.StandardUnitCount},
		{"NetworkIn", metricstore.NetInBytes, types.StandardUnitBytes},
		{"NetworkOut", metricstore.NetOutBytes, types.StandardUnitBytes},
		{"StatusCheckFailed", metricstore.CheckFailed, types.StandardUnitCount},
		{"StatusCheckFailed_Instance", metricstore.CheckFailedInstance, types.StandardUnitCount},
		{"StatusCheckFailed_System", metricstore.CheckFailedSystem, types.StandardUnitCount},
	}},
	{name: "Hive/Node", kind: metricstore.Node, dimension: "NodeId", operator: true, metrics: []metric{
		{"AllocatedMemory", metricstore.AllocatedMemoryBytes, types.StandardUnitBytes},
		{"AllocatedVCPUs", metricstore.AllocatedVCPUs, types.StandardUnitCount},
		{"CPUUtilization", metricstore.CPUPercent, types.StandardUnitPercent},
		{"MemoryUsed", metricstore.MemoryUsedBytes, types.StandardUnitBytes},
		{"MemoryUtilization", metricstore.MemoryPercent, types.StandardUnitPercent},
		{"RunningInstances", metricstore.RunningInstances, types.StandardUnitCount},
		{"StorageFree", metricstore.StorageFreeBytes, types.StandardUnitBytes},
		{"StorageUsed", metricstore.StorageUsedBytes, types.StandardUnitBytes},
	}},
}

// account is whose subjects of the namespace an account sees; false when it sees none.
func (n namespace) account(caller string, operator bool) (string, bool) {
	if n.operator {
		return "", operator
	}
	return caller, true
}

// locate finds the series that a namespace, a metric and dimensions name for an account; false when there is none,
// which is no error: anything may be asked for.
func locate(caller string, operator bool, space, name string, dimensions []types.Dimension) (metricstore.Subject, metric, bool) {
	for _, n := range namespaces {
		account, seen := n.account(caller, operator)
		if n.name != space || !seen || len(dimensions) != 1 || *dimensions[0].Name != n.dimension {
			continue
		}
		for _, m := range n.metrics {
			if m.name == name {
				return metricstore.Subject{Account: account, Kind: n.kind, ID: *dimensions[0].Value}, m, true
			}
		}
	}
	return metricstore.Subject{}, metric{}, false
}
