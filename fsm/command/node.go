// SPDX-License-Identifier: Apache-2.0

package command

// BeginLeases opens a leader's reign over the node leases: leases are given, and nodes declared lost, in Term only from
// here on. A leader proposes it once, before it answers the first renewal.
type BeginLeases struct {
	Term   uint64 // raft term of the proposer's leadership
	Leader string // node id
}

// Type is the command's number.
func (BeginLeases) Type() Type { return 80 }

// LoseNode declares a node lost whose lease has ended, in one step with what becomes of its instances.
type LoseNode struct {
	NodeID string
	Epoch  uint64 // the node's epoch as the leader saw it: a node that registered meanwhile is not lost
	Term   uint64 // in which the leader watched the lease
	// Moves are the instances that are to be made anew elsewhere; those without a place stop, because there is none.
	Moves []Move
	// Avoid are nodes that the leader has not heard of for a while either: no instance goes there.
	Avoid []string
}

// Type is the command's number.
func (LoseNode) Type() Type { return 81 }

// Move makes an instance anew on another node.
type Move struct {
	InstanceID string
	Place      Assignment // filled in by the leader's scheduler, as in RunInstances
	Volumes    []FreshVolume
}

// FreshVolume is the id of the volume that a device gets.
type FreshVolume struct{ Device, VolumeID string }

// Lost is LoseNode's value.
type Lost struct {
	Epoch     uint64   // the node's epoch from now on
	Stopped   []string // instances that stopped, sorted
	Recovered []string // instances that are made anew elsewhere, sorted
}

// ArmNode says that all guests of a node stand under a fence deadline, or no longer do. The node proposes Armed after
// the last guard has taken its deadline, and the contrary before the first one gives it up.
type ArmNode struct {
	NodeID string
	Epoch  uint64
	Armed  bool
}

// Type is the command's number.
func (ArmNode) Type() Type { return 82 }

// CordonNode keeps new work from a node, or lets it have some again.
type CordonNode struct {
	NodeID   string
	Cordoned bool
}

// Type is the command's number.
func (CordonNode) Type() Type { return 83 }

// DrainNode keeps new work from a node and asks its instances to leave; with Draining false the node takes work again.
type DrainNode struct {
	NodeID   string
	Draining bool
}

// Type is the command's number.
func (DrainNode) Type() Type { return 84 }

// RemoveNode forgets a node for good and denies its id. With Force it goes although it holds instances or volumes,
// which are lost with it.
type RemoveNode struct {
	NodeID string
	Force  bool
}

// Type is the command's number.
func (RemoveNode) Type() Type { return 85 }

// SetCapabilities chooses what a node does; it outweighs the node's configuration from then on.
type SetCapabilities struct {
	NodeID string
	Caps   []string
}

// Type is the command's number.
func (SetCapabilities) Type() Type { return 86 }

// MoveInstances makes instances anew elsewhere that stopped because their node is being drained and whose owner wants
// it so. What does not fit any more is left as it is.
type MoveInstances struct{ Moves []Move }

// Type is the command's number.
func (MoveInstances) Type() Type { return 87 }

// Moved is MoveInstances' value.
type Moved struct{ InstanceIDs []string }

// Registered is RegisterNode's value.
type Registered struct {
	Epoch uint64 // the node's epoch from now on: its reports carry it
}

// nodeCommands lists one zero value of every command of this file.
func nodeCommands() []Command {
	return []Command{BeginLeases{}, LoseNode{}, ArmNode{}, CordonNode{}, DrainNode{}, RemoveNode{}, SetCapabilities{}, MoveInstances{}}
}
