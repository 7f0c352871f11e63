// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"pgregory.net/rapid"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// twinNode is how a node of the twins registers.
func twinNode(id string) state.Node {
	domain := map[string]string{"n-1": "A", "n-2": "A", "n-3": "B"}[id] // n-4 names none
	return state.Node{ID: id, Name: id, Zone: "z1", FailureDomain: domain, Caps: []string{"ec2"}, Types: []string{"t3.nano"}, FreeStorageGiB: 50, FormatLevel: state.FormatLevel,
		Schedulable: state.Resources{MilliCPU: 6000, MemoryMiB: 4096}}
}

// node draws something that happens to a node.
func (w *twins) node(t *rapid.T) {
	v := w.a.View()
	id := rapid.SampledFrom([]string{"n-1", "n-2", "n-3", "n-4", "n-none"}).Draw(t, "node")
	var epoch uint64
	if n, ok := state.Nodes.Get(v, state.AnyAccount, id); ok {
		epoch = n.Epoch - uint64(rapid.IntRange(0, 1).Draw(t, "stale"))
	}
	on := rapid.Bool().Draw(t, "on")
	switch rapid.IntRange(0, 9).Draw(t, "node step") {
	case 0:
		w.apply(t, command.BeginLeases{Term: v.LeaseTerm().Term + uint64(rapid.IntRange(0, 1).Draw(t, "next")), Leader: "n-1"})
	case 1, 2, 3:
		w.apply(t, command.ArmNode{NodeID: id, Epoch: epoch, Armed: true})
		w.apply(t, command.LoseNode{NodeID: id, Epoch: epoch, Term: v.LeaseTerm().Term, Moves: w.moves(id)})
	case 4, 5:
		w.apply(t, command.RegisterNode{Node: twinNode(id)})
	case 6:
		w.apply(t, command.CordonNode{NodeID: id, Cordoned: on})
	case 7:
		w.apply(t, command.DrainNode{NodeID: id, Draining: on})
	case 8:
		w.apply(t, command.MoveInstances{Moves: w.moves(id)})
	case 9:
		if id == "n-9" { // the others stay, or nothing would happen any more
			w.apply(t, command.RemoveNode{NodeID: id, Force: on})
		}
	}
}

// moves wants everything of a node to be made anew.
func (w *twins) moves(node string) []command.Move {
	var out []command.Move
	v := w.a.View()
	for i := range state.Instances.List(v, state.ByNode, node) {
		m := command.Move{InstanceID: i.ID}
		for _, d := range i.Devices {
			m.Volumes = append(m.Volumes, command.FreshVolume{Device: d.Name, VolumeID: w.fresh("vol-again")})
		}
		out = append(out, m)
	}
	return out
}

// standings checks what must be true of nodes and of what they hold.
func standings(t *rapid.T, v *state.View) {
	for i := range state.Instances.All(v) {
		if i.Holds() && v.Gone(i.NodeID) {
			t.Fatalf("instance %s is %s on %s, which is gone", i.ID, i.State, i.NodeID)
		}
		if i.State == state.Pending && i.Desired != state.Running {
			t.Fatalf("instance %s is pending and wants to be %s", i.ID, i.Desired)
		}
	}
	for s := range state.Standings.All(v) {
		if s.Lost && s.Armed {
			t.Fatalf("node %s is lost and armed", s.NodeID)
		}
		if _, ok := state.Nodes.Get(v, state.AnyAccount, s.NodeID); !ok {
			t.Fatalf("the standing of node %s outlived it", s.NodeID)
		}
	}
	last := uint64(0)
	for _, e := range v.EventsAfter(0) {
		if last != 0 && e.Seq != last+1 {
			t.Fatalf("event %d follows event %d", e.Seq, last)
		}
		last = e.Seq
	}
}
