// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// removeNode forgets a node. Its instances end as if it had been lost, and what only it had of volumes and snapshots is
// lost with it.
func (a *apply) removeNode(c command.RemoveNode) (any, *command.Error) {
	n, refusal := a.node(c.NodeID)
	if refusal != nil {
		if a.Denied(c.NodeID) {
			return nil, nil // asked again
		}
		return nil, refusal
	}
	if state.Nodes.Count(a.View) == 1 {
		return nil, command.Errorf(nodeInUse, "The node %s is the only one of the region.", n.Name)
	}
	instances, volumes, snapshots := a.Held(n.ID)
	if instances+volumes+snapshots > 0 && !c.Force {
		return nil, command.Errorf(nodeInUse, "The node %s holds %d instances, %d volumes and the only copy of %d snapshots.", n.Name, instances, volumes, snapshots)
	}
	state.Nodes.Delete(a.Txn, n.ID)
	state.Standings.Delete(a.Txn, n.ID)
	if old, ok := state.Members.Get(a.View, state.AnyAccount, n.ID); ok { // nobody seats it as a voter again
		m := *old
		m.Ejected = true
		state.Members.Put(a.Txn, &m)
	}
	state.RemovedNodes.Put(a.Txn, &state.RemovedNode{NodeID: n.ID, Name: n.Name, Removed: a.now})
	a.event(state.EventNodeRemoved, n.ID, "", "The node %s was removed.", n.Name)
	for _, old := range slices.Collect(state.Instances.List(a.View, state.ByNode, n.ID)) {
		a.lose(*old, n.Name, "was removed; its volumes are gone with it")
	}
	a.forgetVolumes(n.ID)
	a.forgetSnapshots(n.ID)
	return nil, nil
}

// forgetVolumes: what was to be deleted on a removed node is gone, the rest is in error for good.
func (a *apply) forgetVolumes(node string) {
	for _, old := range slices.Collect(state.Volumes.List(a.View, state.ByNode, node)) {
		if old.State == state.VolumeDeleting {
			a.dropTags(old.AccountID, old.ID)
			state.Volumes.Delete(a.Txn, old.ID)
			continue
		}
		v := *old
		v.State = state.VolumeError
		state.Volumes.Put(a.Txn, &v)
	}
}

func (a *apply) forgetSnapshots(node string) {
	for _, old := range slices.Collect(state.Snapshots.All(a.View)) {
		if !slices.Contains(old.Nodes, node) {
			continue
		}
		s := *old
		s.Nodes = slices.DeleteFunc(slices.Clone(old.Nodes), func(id string) bool { return id == node })
		if len(s.Nodes) == 0 {
			s.State = state.SnapshotError
		}
		state.Snapshots.Put(a.Txn, &s)
	}
}
