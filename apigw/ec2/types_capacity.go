// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"

	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/state"
)

// offers tells whether a node is one for instances of a type. One that takes no new work now still offers its types: it
// comes back.
func offers(n *state.Node, typeName string) bool { return n.HasCap("ec2") && n.Offers(typeName) }

// offeringZones are the zones with a node that offers the type, in order.
func offeringZones(v *state.View, typeName string) []string {
	var zones []string
	for n := range state.Nodes.All(v) {
		if offers(n, typeName) {
			zones = append(zones, n.Zone)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

// offeredTypes are the catalogue's types that some node of the region offers, in order of their names.
func offeredTypes(v *state.View) []instancetypes.Type {
	names := map[string]bool{}
	for n := range state.Nodes.All(v) {
		if n.HasCap("ec2") {
			for _, name := range n.Types {
				names[name] = true
			}
		}
	}
	return slices.DeleteFunc(instancetypes.All(), func(t instancetypes.Type) bool { return !names[t.Name] })
}

// slots is how many more instances of a type the node takes now, by the same charge that the scheduler makes.
func (s *Service) slots(v *state.View, n *state.Node, t instancetypes.Type) int {
	if v.Closed(n) != "" || !offers(n, t.Name) {
		return 0
	}
	charge := t.Charge(n.Accel, s.ratios)
	free := v.Offered(n).Sub(v.Allocated(n.ID))
	return int(max(0, min(free.MilliCPU/max(charge.MilliCPU, 1), free.MemoryMiB/max(charge.MemoryMiB, 1))))
}
