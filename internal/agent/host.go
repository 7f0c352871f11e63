// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"

	"github.com/shirou/gopsutil/v4/mem"

	"github.com/hivecloud/hive/compute/accel"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/config"
)

// host is what the agent found out about its machine.
type host struct {
	accel       accel.Result
	cpu         instancetypes.CPU
	cpus        int
	memoryMiB   int64
	schedulable instancetypes.Resources
	ratios      instancetypes.Ratios
	types       []string
}

// inspect looks at the machine. It boots the accelerator's probe guest, which takes up to two seconds.
func inspect(ctx context.Context, c *config.Config) (host, error) {
	found, err := accel.Probe(ctx, accel.Config{QEMUBinary: c.Compute.QEMUBinary, Mode: accel.Mode(c.Compute.Accel)})
	if err != nil && !slices.Contains(c.Node.Caps, "ec2") { // a node that runs no guests needs no QEMU
		found, err = accel.Result{Reason: "guests cannot run here: " + err.Error()}, nil
	}
	if err != nil {
		return host{}, fmt.Errorf("choose accelerator: %w", err)
	}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return host{}, fmt.Errorf("read processor: %w", err)
	}
	memory, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return host{}, fmt.Errorf("read memory size: %w", err)
	}
	h := host{accel: found, cpu: instancetypes.ParseCPUInfo(string(text)), cpus: runtime.NumCPU(), memoryMiB: int64(memory.Total >> 20)}
	h.offer(c, string(found.Accel))
	return h, nil
}

// offer says what of the machine instances may take, and which types it has room for under an accelerator.
func (h *host) offer(c *config.Config, accelerator string) {
	h.ratios = instancetypes.Ratios{Burstable: int(c.Compute.OvercommitCPUBurstable), Fixed: int(c.Compute.OvercommitCPU)}
	var o instancetypes.Overrides
	if given(c, "compute.reserve_cpu") {
		milli := int64(math.Round(c.Compute.ReserveCPU * 1000))
		o.ReservedMilliCPU = &milli
	}
	if given(c, "compute.reserve_memory") {
		mib := int64(c.Compute.ReserveMemory >> 20)
		o.ReservedMemoryMiB = &mib
	}
	h.schedulable = instancetypes.Reserve(h.cpus, h.memoryMiB, o)
	if accelerator == "" {
		return
	}
	for _, t := range instancetypes.Offered(instancetypes.Host{Accel: accelerator, CPU: h.cpu, CPUs: h.cpus, MemoryMiB: h.memoryMiB,
		Schedulable: h.schedulable, Ratios: h.ratios}) {
		h.types = append(h.types, t.Name)
	}
	slices.Sort(h.types)
}

// given tells whether the operator set a value, rather than leaving it to the defaults.
func given(c *config.Config, path string) bool {
	k := c.Origin(path).Kind
	return k != "" && k != config.FromDefault && k != config.FromDerived
}

// register is the command that tells the region about this node.
func (h host) register(id identity, c *config.Config, clusterAddr, apiAddr, version string) command.RegisterNode {
	return command.RegisterNode{Node: state.Node{
		ID: id.NodeID, Name: id.Node, Zone: c.Node.AZ, FailureDomain: c.Node.FailureDomain, Caps: slices.Clone(c.Node.Caps),
		ClusterAddr: clusterAddr, APIAddr: apiAddr, Version: version, FormatLevel: state.FormatLevel,
		Physical:    state.Resources{MilliCPU: int64(h.cpus) * 1000, MemoryMiB: h.memoryMiB},
		Schedulable: state.Resources(h.schedulable), Accel: string(h.accel.Accel), AccelReason: h.accel.Reason, CPUModel: h.cpu.Name, Types: h.types,
	}}
}

// charger says what an instance takes from a node. CPU options make a guest smaller than its type, but they do not make
// it cheaper: EC2 bills and places by type.
type charger struct{ ratios instancetypes.Ratios }

// Charge is the type's charge; a type that left the catalogue is charged by its shape.
func (c charger) Charge(typeName string, shape state.Shape, accelerator string) state.Resources {
	t, ok := instancetypes.Lookup(typeName)
	if !ok {
		return state.Resources{MilliCPU: int64(shape.VCPUs) * 1000, MemoryMiB: shape.MemoryMiB + instancetypes.Overhead(accelerator)}
	}
	return state.Resources(t.Charge(accelerator, c.ratios))
}
