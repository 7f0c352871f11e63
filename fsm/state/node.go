// SPDX-License-Identifier: Apache-2.0

package state

import "slices"

// Resources is an amount of what instances take from a node.
type Resources struct {
	MilliCPU  int64 // thousandths of a physical CPU, after the overcommit ratio of the instance's family
	MemoryMiB int64 // guest memory and the hypervisor's own
}

// Add is the sum of two amounts.
func (r Resources) Add(o Resources) Resources {
	return Resources{r.MilliCPU + o.MilliCPU, r.MemoryMiB + o.MemoryMiB}
}

// Sub is the difference of two amounts.
func (r Resources) Sub(o Resources) Resources {
	return Resources{r.MilliCPU - o.MilliCPU, r.MemoryMiB - o.MemoryMiB}
}

// Fits tells whether the amount is within the free one.
func (r Resources) Fits(free Resources) bool {
	return r.MilliCPU <= free.MilliCPU && r.MemoryMiB <= free.MemoryMiB
}

// Node is a machine of the region.
type Node struct {
	ID            string // n- and the node's name
	Name          string
	Zone          string
	FailureDomain string
	Caps          []string // sorted: api, ebs, ec2, raft, s3, vpc
	ClusterAddr   string   // host:port of the cluster port
	APIAddr       string   // host:port of the API, as advertised
	Version       string
	FormatLevel   int // the newest region format level its binary can apply

	Physical       Resources // what the machine has
	Schedulable    Resources // what instances may take: physical less the reservation
	Accel          string    // kvm or tcg, by boot probe
	AccelReason    string
	CPUModel       string
	FreeStorageGiB int64    // room for new volumes, as last reported
	Types          []string // sorted names of the instance types it offers

	Registered Time
	Cordoned   bool
	Epoch      uint64
}

// HasCap tells whether the node has a capability.
func (n *Node) HasCap(c string) bool { return slices.Contains(n.Caps, c) }

// Domain is what fails together with the node, unique in the region: its failure domain, or the node itself where it
// names none. A domain never reaches over a zone: racks of two zones may have the same name.
func (n *Node) Domain() string {
	if n.FailureDomain == "" {
		return n.Zone + "/node/" + n.ID
	}
	return n.Zone + "/" + n.FailureDomain
}

// Offers tells whether the node can run an instance type.
func (n *Node) Offers(typeName string) bool {
	_, ok := slices.BinarySearch(n.Types, typeName)
	return ok
}

// Nodes by id.
var Nodes = &Table[Node]{name: "nodes", id: 5, key: func(n *Node) string { return n.ID },
	indexes: map[Index]func(*Node) []string{ByName: func(n *Node) []string { return one(n.Name) }}}

// Offered is what instances may take on a node: what it says itself, less what the region's setting keeps free.
func (v *View) Offered(n *Node) Resources {
	percent := int64(v.SettingInt(SettingReserve))
	if percent == 0 {
		return n.Schedulable
	}
	return Resources{
		MilliCPU:  min(n.Schedulable.MilliCPU, n.Physical.MilliCPU*(100-percent)/100),
		MemoryMiB: min(n.Schedulable.MemoryMiB, n.Physical.MemoryMiB*(100-percent)/100),
	}
}

// Allocated is what the instances on a node take now: those that are, or are about to be, live there.
func (v *View) Allocated(node string) Resources {
	var sum Resources
	for i := range Instances.List(v, ByNode, node) {
		if i.Holds() {
			sum = sum.Add(i.Charge)
		}
	}
	return sum
}
