// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// planMoves gives each move a place, in the order given; one that fits nowhere stays without. avoid are nodes that the
// state may still show as open: the one that is lost, and those that look as if they would follow.
func (s *Scheduler) planMoves(v *state.View, moves []command.Move, avoid []string) []command.Move {
	all := slices.DeleteFunc(rooms(v), func(r *room) bool { return slices.Contains(avoid, r.node.ID) })
	var out []command.Move
	for _, m := range moves {
		i, ok := state.Instances.Get(v, state.AnyAccount, m.InstanceID)
		if !ok {
			continue
		}
		r := request{typeName: i.Type, shape: i.Shape, zone: i.Zone, bootMode: BootMode(i.ImageBootMode)}
		for _, d := range i.Devices {
			vol, ok := state.Volumes.Get(v, i.AccountID, d.VolumeID)
			if !ok {
				continue
			}
			r.storage++
			if snap, ok := state.Snapshots.Get(v, state.AnyAccount, vol.SnapshotID); ok {
				r.storage += snap.Bytes >> 30
				r.snapshots = append(r.snapshots, snap.ID)
			}
		}
		place, refusal := s.place(v, all, r)
		if refusal != nil {
			m.Place = command.Assignment{}
			out = append(out, m)
			continue
		}
		m.Place = place
		out = append(out, m)
	}
	return out
}

// unreachable says that an instance cannot start because its volumes are on a node that is gone: that only its return
// helps is worth more than a count of nodes without room.
func unreachable(v *state.View, instance string) *command.Error {
	for vol := range state.Volumes.List(v, state.ByInstance, instance) {
		if removed, ok := state.RemovedNodes.Get(v, state.AnyAccount, vol.NodeID); ok {
			return command.Errorf("InsufficientInstanceCapacity",
				"The instance %s cannot be started: its volume %s was on the node %s, which was removed from the region.", instance, vol.ID, removed.Name)
		}
		if n, ok := state.Nodes.Get(v, state.AnyAccount, vol.NodeID); ok && v.Standing(n.ID).Lost {
			return command.Errorf("InsufficientInstanceCapacity",
				"The instance %s cannot be started: its volume %s is on the node %s, which is lost; it can start when the node is back.", instance, vol.ID, n.Name)
		}
	}
	return nil
}
