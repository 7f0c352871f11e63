// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"

	"github.com/hivecloud/hive/fsm/state"
)

// room is a node and what is free on it while a plan grows.
type room struct {
	node     *state.Node
	offered  state.Resources // what instances may take of it
	closed   string          // why it takes no new work, or ""
	free     state.Resources
	storage  int64 // GiB
	launched int   // instances that the plan has put here
}

// roomsOf are the region's nodes in the order of their ids. The instances are added up in one pass over them: a sum
// for each node would walk an index for each.
func roomsOf(v *state.View) []*room {
	taken := map[string]state.Resources{}
	for i := range state.Instances.All(v) {
		if i.Holds() {
			taken[i.NodeID] = taken[i.NodeID].Add(i.Charge)
		}
	}
	var out []*room
	for n := range state.Nodes.All(v) {
		offered := v.Offered(n)
		out = append(out, &room{node: n, closed: v.Closed(n), offered: offered, free: offered.Sub(taken[n.ID]), storage: n.FreeStorageGiB})
	}
	return out
}

// unfit says why the node cannot take the request, or "": what will never change first, what may change soon last.
func (at *room) unfit(r *request, charge state.Resources, use *state.GroupUse, partition int) string {
	n := at.node
	switch {
	case n.Zone != r.zone:
		return "in another zone"
	case !n.HasCap("ec2"):
		return "without the ec2 capability"
	case !n.Offers(r.typeName):
		return "not offering the type"
	case at.closed != "":
		return at.closed
	case slices.ContainsFunc(r.pinned, func(id string) bool { return id != n.ID }):
		return "without the instance's volumes"
	case r.lost():
		return "without the image's data, which no node has"
	}
	if use != nil {
		if cause := use.Forbids(n, partition); cause != "" {
			return cause
		}
	}
	switch {
	case r.storage > at.storage:
		return "out of disk space"
	case charge.MemoryMiB > at.free.MemoryMiB:
		return "out of memory"
	case charge.MilliCPU > at.free.MilliCPU:
		return "out of CPU"
	}
	return ""
}

// take puts one instance on the node.
func (at *room) take(r *request, charge state.Resources) {
	at.free = at.free.Sub(charge)
	at.storage -= r.storage
	at.launched++
}

// load is the larger of the CPU and memory shares, in thousandths, that the node would have in use after the charge.
func (at *room) load(charge state.Resources) int64 {
	left, all := at.free.Sub(charge), at.offered
	return max(share(all.MilliCPU-left.MilliCPU, all.MilliCPU), share(all.MemoryMiB-left.MemoryMiB, all.MemoryMiB))
}

func share(used, of int64) int64 {
	if of <= 0 {
		return 1000
	}
	return used * 1000 / of
}

// slots is how many instances of a charge the node takes.
func (at *room) slots(r *request, charge state.Resources) int64 {
	n := min(at.free.MilliCPU/max(charge.MilliCPU, 1), at.free.MemoryMiB/max(charge.MemoryMiB, 1))
	if r.storage > 0 {
		n = min(n, at.storage/r.storage)
	}
	return max(n, 0)
}
