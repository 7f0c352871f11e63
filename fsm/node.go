// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Codes of refusals that nodes and operators meet.
const (
	nodeNotFound = "NodeNotFound"
	staleNode    = "StaleNode"
	nodeInUse    = "NodeInUse"
)

// runNode is the third part of run: leases, loss and the operation of nodes.
func (a *apply) runNode(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.BeginLeases:
		return a.beginLeases(c)
	case command.LoseNode:
		return a.loseNode(c)
	case command.ArmNode:
		return a.armNode(c)
	case command.CordonNode:
		return a.cordonNode(c)
	case command.DrainNode:
		return a.drainNode(c)
	case command.RemoveNode:
		return a.removeNode(c)
	case command.SetCapabilities:
		return a.setCapabilities(c)
	case command.MoveInstances:
		return a.moveInstances(c)
	}
	panic(fmt.Sprintf("apply entry %d: command %T has no rule", a.index, c))
}

// node finds a registered node.
func (a *apply) node(id string) (*state.Node, *command.Error) {
	n, ok := state.Nodes.Get(a.View, state.AnyAccount, id)
	switch {
	case ok:
		return n, nil
	case a.Denied(id):
		return nil, command.Errorf(nodeNotFound, "The node %s was removed from the region.", id)
	}
	return nil, command.Errorf(nodeNotFound, "The node %s is not registered.", id)
}

// reporter checks that a report comes from a node as it is registered now. Whoever was declared lost, or speaks for an
// epoch that is over, is not heard: what it saw may be of guests that live elsewhere by now.
func (a *apply) reporter(id string, epoch uint64) (*state.Node, *command.Error) {
	n, refusal := a.node(id)
	switch {
	case refusal != nil:
		return nil, refusal
	case a.Standing(id).Lost:
		return nil, command.Errorf(staleNode, "The node %s was declared lost; it has to register again.", n.Name)
	case epoch != 0 && epoch != n.Epoch:
		return nil, command.Errorf(staleNode, "The node %s reports in epoch %d; it is registered in epoch %d.", n.Name, epoch, n.Epoch)
	}
	return n, nil
}

// event remembers what happened to a node.
func (a *apply) event(kind, node, instance, format string, args ...any) {
	a.AddEvent(state.Event{Time: a.now, Kind: kind, NodeID: node, InstanceID: instance, Message: fmt.Sprintf(format, args...)})
}

// armNode takes a node's word that its guests stand under the fence. It counts only from the node as it is registered:
// a node that was lost meanwhile has to register first.
func (a *apply) armNode(c command.ArmNode) (any, *command.Error) {
	if _, refusal := a.reporter(c.NodeID, c.Epoch); refusal != nil {
		return nil, refusal
	}
	s := a.Standing(c.NodeID)
	s.Armed = c.Armed
	state.Standings.Put(a.Txn, &s)
	return nil, nil
}

func (a *apply) cordonNode(c command.CordonNode) (any, *command.Error) {
	old, refusal := a.node(c.NodeID)
	if refusal != nil || old.Cordoned == c.Cordoned {
		return nil, refusal
	}
	n := *old
	n.Cordoned = c.Cordoned
	state.Nodes.Put(a.Txn, &n)
	if c.Cordoned {
		a.event(state.EventNodeCordoned, n.ID, "", "The node %s gets no new work.", n.Name)
	} else {
		a.event(state.EventNodeUncordoned, n.ID, "", "The node %s gets new work again.", n.Name)
	}
	return nil, nil
}

// drainNode asks a node's instances to leave. Each is shut down by its guest; what is to be made anew elsewhere is
// moved when it is down (moveInstances).
func (a *apply) drainNode(c command.DrainNode) (any, *command.Error) {
	n, refusal := a.node(c.NodeID)
	if refusal != nil {
		return nil, refusal
	}
	s := a.Standing(n.ID)
	if s.Draining == c.Draining {
		return nil, nil
	}
	s.Draining, s.Drained = c.Draining, 0
	if !c.Draining {
		state.Standings.Put(a.Txn, &s)
		a.event(state.EventNodeUndrained, n.ID, "", "The node %s is no longer drained.", n.Name)
		return nil, nil
	}
	s.Drained = a.now
	state.Standings.Put(a.Txn, &s)
	a.event(state.EventNodeDraining, n.ID, "", "The node %s is being drained.", n.Name)
	for _, old := range slices.Collect(state.Instances.List(a.View, state.ByNode, n.ID)) {
		if old.Desired != state.Running || !old.Holds() {
			continue
		}
		i := *old
		i.Desired, i.Force = state.Stopped, false
		i.Generation++
		i.Reason = state.Reason{Code: state.ReasonDrain, Message: state.ReasonDrain + ": The node " + n.Name + " is being drained"}
		i.TransitionReason = ""
		a.enter(&i, state.Stopping)
		state.Instances.Put(a.Txn, &i)
	}
	return nil, nil
}

// moveInstances makes instances anew elsewhere that have left a node that is being drained.
func (a *apply) moveInstances(c command.MoveInstances) (any, *command.Error) {
	var out command.Moved
	for _, m := range c.Moves {
		id := m.InstanceID
		old, ok := state.Instances.Get(a.View, state.AnyAccount, id)
		if !ok || m.Place.NodeID == "" || old.State != state.Stopped || old.Reason.Code != state.ReasonDrain || !a.Standing(old.NodeID).Draining || !a.Remakes(old) {
			continue
		}
		from := old.NodeID
		if a.remake(*old, m) != nil {
			continue
		}
		a.event(state.EventInstanceRecovered, from, id, "The instance %s is made anew on the node %s.", id, a.nameOf(m.Place.NodeID))
		out.InstanceIDs = append(out.InstanceIDs, id)
	}
	return out, nil
}

func (a *apply) setCapabilities(c command.SetCapabilities) (any, *command.Error) {
	old, refusal := a.node(c.NodeID)
	if refusal != nil {
		return nil, refusal
	}
	if len(c.Caps) == 0 {
		return nil, command.Errorf("InvalidCapabilities", "A node needs at least one capability; cordon or remove it to take its work away.")
	}
	n, s := *old, a.Standing(c.NodeID)
	n.Caps = sorted(c.Caps)
	s.Caps, s.CapsSet = n.Caps, true
	state.Nodes.Put(a.Txn, &n)
	state.Standings.Put(a.Txn, &s)
	a.event(state.EventNodeCapabilities, n.ID, "", "The node %s has the capabilities %s.", n.Name, strings.Join(n.Caps, ", "))
	return nil, nil
}

func (a *apply) nameOf(node string) string {
	if n, ok := state.Nodes.Get(a.View, state.AnyAccount, node); ok {
		return n.Name
	}
	return node
}
