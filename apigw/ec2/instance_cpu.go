// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/state"
)

// shapeOf is what a guest of the type gets when its owner asks for nothing else.
func shapeOf(t instancetypes.Type) state.Shape {
	return state.Shape{VCPUs: t.VCPUs, Cores: t.Cores, ThreadsPerCore: t.ThreadsPerCore, MemoryMiB: t.MemoryMiB}
}

// cpuShape is the type's shape with the vCPU topology that was asked for. Only the topologies that the type lists are
// valid; memory stays the type's.
// Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/cpu-options-supported-instances-values.html
func cpuShape(t instancetypes.Type, cores, threads *int32) (state.Shape, error) {
	shape := shapeOf(t)
	if cores == nil && threads == nil {
		return shape, nil
	}
	if cores == nil || threads == nil {
		return shape, awserr.New("MissingParameter", "When specifying CpuOptions you must specify both CoreCount and ThreadsPerCore.")
	}
	if len(t.ValidCores) == 0 {
		return shape, awserr.UnsupportedOperation("The instance type %s does not support CpuOptions.", t.Name)
	}
	if !slices.Contains(t.ValidCores, int(*cores)) {
		return shape, awserr.InvalidParameterValue("Value (%d) for parameter CoreCount is invalid. The instance type %s supports %s cores.", *cores, t.Name, counts(t.ValidCores))
	}
	if !slices.Contains(t.ValidThreads, int(*threads)) {
		return shape, awserr.InvalidParameterValue("Value (%d) for parameter ThreadsPerCore is invalid. The instance type %s supports %s threads per core.", *threads, t.Name, counts(t.ValidThreads))
	}
	shape.Cores, shape.ThreadsPerCore = int(*cores), int(*threads)
	shape.VCPUs = shape.Cores * shape.ThreadsPerCore
	return shape, nil
}

// launchCPU is cpuShape for RunInstances' CpuOptions.
func launchCPU(t instancetypes.Type, o *types.CpuOptionsRequest) (state.Shape, error) {
	if o == nil {
		return shapeOf(t), nil
	}
	return cpuShape(t, o.CoreCount, o.ThreadsPerCore)
}
