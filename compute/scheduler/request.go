// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// request is one instance to place.
type request struct {
	typeName  string
	shape     state.Shape
	zone      string
	bootMode  string
	snapshots []*state.Snapshot // bytes that its volumes are made from
	pinned    []string          // nodes that hold volumes that it already has
	storage   int64             // GiB that its new volumes take at once: their snapshots' content
	partition int               // of its partition placement group; 0 when any will do
}

// launchRequest is what a new instance needs.
func launchRequest(v *state.View, l *command.Launch) *request {
	r := instanceRequest(&l.Instance)
	for i := range l.Volumes {
		r.storage++ // its metadata and first writes
		if s, ok := state.Snapshots.Get(v, state.AnyAccount, l.Volumes[i].SnapshotID); ok {
			r.storage += s.Bytes >> 30
			r.snapshots = append(r.snapshots, s)
		}
	}
	return r
}

// startRequest is what a stopped instance needs.
func startRequest(v *state.View, i *state.Instance) *request {
	r := instanceRequest(i)
	for vol := range state.Volumes.List(v, state.ByInstance, i.ID) {
		r.pinned = append(r.pinned, vol.NodeID)
	}
	return r
}

func instanceRequest(i *state.Instance) *request {
	return &request{typeName: i.Type, shape: i.Shape, zone: i.Zone, bootMode: BootMode(i.ImageBootMode), partition: i.Partition}
}

// lacks is the number of the request's snapshots that the node does not hold.
func (r *request) lacks(node string) int {
	n := 0
	for _, s := range r.snapshots {
		if !slices.Contains(s.Nodes, node) {
			n++
		}
	}
	return n
}

// lost tells whether the bytes of some snapshot are nowhere.
func (r *request) lost() bool {
	return slices.ContainsFunc(r.snapshots, func(s *state.Snapshot) bool { return len(s.Nodes) == 0 })
}
