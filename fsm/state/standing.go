// SPDX-License-Identifier: Apache-2.0

package state

// Standing is what the region has decided about a node, beside the Node row, which is what the node says of itself:
// a node that registers again cannot talk its way out of it.
type Standing struct {
	NodeID string

	// Armed says that all guests of the node stand under a fence deadline. Only then may the region give away what the
	// node holds when its lease has ended: the guests of a node that is not armed may run on.
	Armed bool

	Lost   bool // its lease ended; cleared when it registers again
	LostAt Time

	Draining bool // takes no new work; its instances were asked to leave
	Drained  Time // when the drain was asked for

	CapsSet bool // the operator chose the capabilities: they outweigh what the node's configuration says
	Caps    []string
}

// Standings by node id. A node without a row has the zero Standing.
var Standings = &Table[Standing]{name: "standings", id: 35, key: func(s *Standing) string { return s.NodeID }}

// Standing is what the region has decided about a node.
func (v *View) Standing(node string) Standing {
	if s, ok := Standings.Get(v, AnyAccount, node); ok {
		return *s
	}
	return Standing{NodeID: node}
}

// Closed says why a node takes no new work, in a word or two, or "".
func (v *View) Closed(n *Node) string {
	s := v.Standing(n.ID)
	switch {
	case s.Lost:
		return "lost"
	case s.Draining:
		return "draining"
	case n.Cordoned:
		return "cordoned"
	}
	return ""
}

// Held counts what would be lost with a node: instances that are not terminated, volumes, and snapshots of which it has
// the only copy.
func (v *View) Held(node string) (instances, volumes, snapshots int) {
	for i := range Instances.List(v, ByNode, node) {
		if i.State != Terminated {
			instances++
		}
	}
	for vol := range Volumes.List(v, ByNode, node) {
		if vol.State != VolumeDeleting {
			volumes++
		}
	}
	for s := range Snapshots.All(v) {
		if len(s.Nodes) == 1 && s.Nodes[0] == node {
			snapshots++
		}
	}
	return instances, volumes, snapshots
}

// RemovedNode is a node that was removed for good: its certificate is worth nothing any more, and its id is not used again.
type RemovedNode struct {
	NodeID  string
	Name    string
	Removed Time
}

// RemovedNodes by node id.
var RemovedNodes = &Table[RemovedNode]{name: "removed_nodes", id: 36, key: func(n *RemovedNode) string { return n.NodeID }}

// Denied tells whether a node was removed: nobody answers it any more.
func (v *View) Denied(node string) bool {
	_, ok := RemovedNodes.Get(v, AnyAccount, node)
	return ok
}

// Gone tells whether what is on a node cannot be reached: it is lost, or was removed.
func (v *View) Gone(node string) bool { return v.Standing(node).Lost || v.Denied(node) }

// LeaseTermKey is the key of the one LeaseTerm row.
const LeaseTermKey = "term"

// LeaseTerm is the raft term whose leader gives leases now. A node can be declared lost only in that term: what an
// earlier leader concluded from its own table of leases is void once the next one has begun to give leases.
type LeaseTerm struct {
	Key    string // always LeaseTermKey
	Term   uint64
	Leader string // node id
	Since  Time
}

// LeaseTerms holds the one LeaseTerm row.
var LeaseTerms = &Table[LeaseTerm]{name: "lease_terms", id: 37, key: func(t *LeaseTerm) string { return t.Key }}

// LeaseTerm is the term that gives leases; the zero value before the first.
func (v *View) LeaseTerm() LeaseTerm {
	if t, ok := LeaseTerms.Get(v, AnyAccount, LeaseTermKey); ok {
		return *t
	}
	return LeaseTerm{}
}

// ReasonDrain is the StateReason of an instance that stopped because its node is being drained.
const ReasonDrain = "Server.ScheduledStop"

// The tag with which an instance's owner says what becomes of it when its node is lost or drained.
const (
	// RecoveryTag is the tag's key.
	RecoveryTag = "hive:recovery"
	// RecoveryRemake starts the instance on another node, with volumes made anew from its image: what it wrote is gone.
	// Every other value, and no tag, stops it, so that it finds its volumes when the node is back.
	RecoveryRemake = "remake"
)

// Remakes tells whether an instance is to be made anew elsewhere when its node is lost or drained: its owner said so,
// and each of its volumes comes from a snapshot.
func (v *View) Remakes(i *Instance) bool {
	wanted := false
	for _, t := range v.TagsOf(i.AccountID, i.ID) {
		wanted = wanted || t.Key == RecoveryTag && t.Value == RecoveryRemake
	}
	if !wanted {
		return false
	}
	for _, d := range i.Devices {
		vol, ok := Volumes.Get(v, i.AccountID, d.VolumeID)
		if !ok {
			return false
		}
		if _, ok := Snapshots.Get(v, AnyAccount, vol.SnapshotID); !ok {
			return false
		}
	}
	return len(i.Devices) > 0
}
