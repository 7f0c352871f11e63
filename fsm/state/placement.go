// SPDX-License-Identifier: Apache-2.0

package state

// Strategies of placement groups, as EC2 names them.
const (
	ClusterStrategy   = "cluster"   // close together: one failure domain, one node where it fits
	SpreadStrategy    = "spread"    // apart: no two instances in a failure domain (rack) or on a node (host)
	PartitionStrategy = "partition" // no two partitions in a failure domain
)

// Levels of a spread group.
const (
	SpreadRack = "rack"
	SpreadHost = "host"
)

// Limits of placement groups, EC2's.
const (
	MaxPartitions      = 7   // of a group
	MaxRackSpread      = 7   // running instances of a rack-level spread group in one zone
	MaxPlacementGroups = 500 // of an account
)

// PlacementGroupAvailable is the state of every placement group: they come and go at once.
const PlacementGroupAvailable = "available"

// PlacementGroup says how its instances are to lie on nodes and failure domains. It never changes.
type PlacementGroup struct {
	ID          string // pg-...
	AccountID   string
	Name        string // unique in the account
	Strategy    string // cluster | spread | partition
	Partitions  int    // partition groups: 1 to MaxPartitions
	SpreadLevel string // spread groups: rack | host
	State       string
	Created     Time
}

// PlacementGroupName is the value under which a placement group's name is indexed.
func PlacementGroupName(account, name string) string { return account + "/" + name }

// PlacementGroups by id, account and name.
var PlacementGroups = &Table[PlacementGroup]{name: "placement_groups", id: 40, key: func(g *PlacementGroup) string { return g.ID },
	account: func(g *PlacementGroup) string { return g.AccountID },
	indexes: map[Index]func(*PlacementGroup) []string{
		ByAccount: func(g *PlacementGroup) []string { return one(g.AccountID) },
		ByName:    func(g *PlacementGroup) []string { return one(PlacementGroupName(g.AccountID, g.Name)) },
	}}

// GroupUse is where the instances of one placement group are, as far as its rule looks at it. Planner and state
// machine ask the same GroupUse, so that they cannot disagree on what the rule is. It is not for concurrent use.
type GroupUse struct {
	group   *PlacementGroup
	home    string         // cluster: the failure domain; "" while the group is empty
	domains map[string]int // instances in a failure domain
	owners  map[string]int // partition groups: the partition that a failure domain belongs to
	parts   map[string]int // partition groups: instances of a partition in a zone, by PartKey
	nodes   map[string]int // instances on a node
	zones   map[string]int // instances in a zone
}

// GroupUse counts the instances that take capacity, without those that skip (nil skips none) says are on their way to
// another place.
func (v *View) GroupUse(g *PlacementGroup, skip func(*Instance) bool) *GroupUse {
	u := &GroupUse{group: g, domains: map[string]int{}, owners: map[string]int{}, parts: map[string]int{}, nodes: map[string]int{}, zones: map[string]int{}}
	for i := range Instances.List(v, ByGroup, g.ID) {
		if !i.Holds() || skip != nil && skip(i) {
			continue
		}
		if n, ok := Nodes.Get(v, AnyAccount, i.NodeID); ok {
			u.Add(n, i.Partition)
		}
	}
	return u
}

// Group is the group.
func (u *GroupUse) Group() *PlacementGroup { return u.group }

// Clone is a copy to try placements on.
func (u *GroupUse) Clone() *GroupUse {
	c := &GroupUse{group: u.group, home: u.home}
	for _, m := range []struct{ to, from *map[string]int }{
		{&c.domains, &u.domains}, {&c.owners, &u.owners}, {&c.parts, &u.parts}, {&c.nodes, &u.nodes}, {&c.zones, &u.zones},
	} {
		*m.to = make(map[string]int, len(*m.from))
		for k, n := range *m.from { // any order makes the same copy
			(*m.to)[k] = n
		}
	}
	return c
}

// Add counts one more instance on a node, in a partition of a partition group (0 in every other group).
func (u *GroupUse) Add(n *Node, partition int) {
	domain := n.Domain()
	if u.home == "" {
		u.home = domain
	}
	if u.owners[domain] == 0 {
		u.owners[domain] = partition
	}
	u.domains[domain]++
	u.parts[partKey(n.Zone, partition)]++
	u.nodes[n.ID]++
	u.zones[n.Zone]++
}

func partKey(zone string, partition int) string { return zone + "/" + string(rune('0'+partition)) }

// Forbids says in words why the group's rule keeps an instance off the node, or "" when it does not.
func (u *GroupUse) Forbids(n *Node, partition int) string {
	domain := n.Domain()
	switch u.group.Strategy {
	case ClusterStrategy:
		if u.home != "" && u.home != domain {
			return "outside the failure domain of the cluster placement group"
		}
	case SpreadStrategy:
		switch {
		case u.group.SpreadLevel == SpreadHost && u.nodes[n.ID] > 0:
			return "with an instance of the spread placement group"
		case u.group.SpreadLevel == SpreadHost:
		case u.zones[n.Zone] >= MaxRackSpread:
			return "in a zone where the spread placement group is at its limit of 7 running instances"
		case u.domains[domain] > 0:
			return "in a failure domain with an instance of the spread placement group"
		}
	case PartitionStrategy:
		if partition < 1 || partition > u.group.Partitions {
			return "without that partition of the placement group"
		}
		if owner := u.owners[domain]; owner != 0 && owner != partition {
			return "in a failure domain of another partition of the placement group"
		}
	}
	return ""
}

// OnNode is the number of the group's instances on a node.
func (u *GroupUse) OnNode(n *Node) int { return u.nodes[n.ID] }

// Owns tells whether the node's failure domain belongs to the partition already.
func (u *GroupUse) Owns(n *Node, partition int) bool { return u.owners[n.Domain()] == partition }

// InPartition is the number of instances that a partition has in a zone.
func (u *GroupUse) InPartition(zone string, partition int) int {
	return u.parts[partKey(zone, partition)]
}
