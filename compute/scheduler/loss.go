// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// planMoves gives each move a place, in the order given; one that fits nowhere stays without. avoid are nodes that the
// state may still show as open: the one that is lost, and those that look as if they would follow. gone is the lost node,
// or "": what is still assigned to it counts in no placement group.
func (s *Scheduler) planMoves(v *state.View, moves []command.Move, gone string, avoid []string) []command.Move {
	p := newPlan(v, s.charger)
	p.rooms = slices.DeleteFunc(p.rooms, func(r *room) bool { return slices.Contains(avoid, r.node.ID) })
	placed := map[string]command.Assignment{}
	var out []command.Move
	for _, m := range moves {
		i, ok := state.Instances.Get(v, state.AnyAccount, m.InstanceID)
		if !ok {
			continue
		}
		m.Place = command.Assignment{}
		if place, refusal := p.place(remakeRequest(v, i), usedWithout(v, i, gone, placed)); refusal == nil {
			m.Place, placed[i.ID] = place, place
		}
		out = append(out, m)
	}
	return out
}

// remakeRequest is what an instance needs whose volumes are made anew.
func remakeRequest(v *state.View, i *state.Instance) *request {
	r := instanceRequest(i)
	for _, d := range i.Devices {
		vol, ok := state.Volumes.Get(v, i.AccountID, d.VolumeID)
		if !ok {
			continue
		}
		r.storage++
		if snap, ok := state.Snapshots.Get(v, state.AnyAccount, vol.SnapshotID); ok {
			r.storage += snap.Bytes >> 30
			r.snapshots = append(r.snapshots, snap)
		}
	}
	return r
}

// usedWithout is where the group of a moving instance is, as Apply will see it when it comes to this move: those that
// moved before are where they went, and the instance itself and those on the lost node are nowhere. Nil without a group.
func usedWithout(v *state.View, i *state.Instance, gone string, placed map[string]command.Assignment) *state.GroupUse {
	g, ok := state.PlacementGroups.Get(v, i.AccountID, i.PlacementGroupID)
	if !ok {
		return nil
	}
	use := v.GroupUse(g, func(o *state.Instance) bool {
		_, moved := placed[o.ID]
		return o.ID == i.ID || moved || o.NodeID == gone
	})
	for o := range state.Instances.List(v, state.ByGroup, g.ID) {
		if at, moved := placed[o.ID]; moved {
			if n, ok := state.Nodes.Get(v, state.AnyAccount, at.NodeID); ok {
				use.Add(n, at.Partition)
			}
		}
	}
	return use
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
