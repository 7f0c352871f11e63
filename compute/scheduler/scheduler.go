// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Charger says what an instance of a type takes from a node: guest memory and the hypervisor's own, and CPU after
// the family's overcommit ratio.
type Charger interface {
	Charge(typeName string, shape state.Shape, accel string) state.Resources
}

// Scheduler plans placements.
type Scheduler struct{ charger Charger }

// New returns a scheduler.
func New(c Charger) *Scheduler { return &Scheduler{charger: c} }

// Plan fills in the plan of a command that needs one; every other command comes back as it is.
func (s *Scheduler) Plan(v *state.View, c command.Command) command.Command {
	switch c := c.(type) {
	case command.RunInstances:
		return s.planRun(v, c)
	case command.StartInstances:
		return s.planStart(v, c)
	case command.LoseNode:
		c.Moves = s.planMoves(v, c.Moves, append([]string{c.NodeID}, c.Avoid...))
		return c
	case command.MoveInstances:
		c.Moves = s.planMoves(v, c.Moves, nil)
		return c
	}
	return c
}

// Planned tells whether the command is one that the leader plans.
func Planned(c command.Command) bool {
	switch c.(type) {
	case command.RunInstances, command.StartInstances, command.LoseNode, command.MoveInstances:
		return true
	}
	return false
}

// request is one instance to place.
type request struct {
	typeName  string
	shape     state.Shape
	zone      string
	bootMode  string
	snapshots []string // bytes that its volumes are made from
	pinned    []string // nodes that hold volumes that it already has
	storage   int64    // GiB that its new volumes take at once: their snapshots' content
}

// room is a node and what is free on it while a plan grows.
type room struct {
	node    *state.Node
	free    state.Resources
	storage int64 // GiB
}

func rooms(v *state.View) []*room {
	var out []*room
	for n := range state.Nodes.All(v) {
		out = append(out, &room{n, n.Schedulable.Sub(v.Allocated(n.ID)), n.FreeStorageGiB})
	}
	return out
}

func (s *Scheduler) planRun(v *state.View, c command.RunInstances) command.Command {
	c.Planned, c.Plan, c.Refusal = true, nil, nil
	all := rooms(v)
	for _, l := range c.Launches {
		r := request{typeName: l.Instance.Type, shape: l.Instance.Shape, zone: l.Instance.Zone, bootMode: BootMode(l.Instance.ImageBootMode)}
		for _, vol := range l.Volumes {
			r.storage++ // its metadata and first writes
			if s, ok := state.Snapshots.Get(v, state.AnyAccount, vol.SnapshotID); ok {
				r.storage += s.Bytes >> 30
				r.snapshots = append(r.snapshots, s.ID)
			}
		}
		place, refusal := s.place(v, all, r)
		if refusal != nil {
			c.Refusal = refusal
			break
		}
		c.Plan = append(c.Plan, place)
	}
	if len(c.Plan) >= max(c.MinCount, 1) {
		c.Refusal = nil
		return c
	}
	c.Plan = nil
	return c
}

func (s *Scheduler) planStart(v *state.View, c command.StartInstances) command.Command {
	c.Planned, c.Plan, c.Refusal = true, map[string]command.Assignment{}, nil
	all := rooms(v)
	for _, id := range c.InstanceIDs {
		i, ok := state.Instances.Get(v, c.AccountID, id)
		if !ok || i.State != state.Stopped {
			continue
		}
		if c.Refusal = unreachable(v, id); c.Refusal != nil {
			c.Plan = nil
			return c
		}
		r := request{typeName: i.Type, shape: i.Shape, zone: i.Zone, bootMode: BootMode(i.ImageBootMode)}
		for vol := range state.Volumes.List(v, state.ByInstance, id) {
			r.pinned = append(r.pinned, vol.NodeID)
		}
		place, refusal := s.place(v, all, r)
		if refusal != nil {
			c.Plan, c.Refusal = nil, refusal
			return c
		}
		c.Plan[id] = place
	}
	return c
}

// BootMode is how a node boots an image of a boot mode: UEFI where the image needs it. An image that only prefers
// UEFI is booted by UEFI too, as EC2 does on types that support both; one that says nothing by BIOS.
func BootMode(image string) string {
	switch image {
	case "uefi", "uefi-preferred":
		return "uefi"
	}
	return "legacy-bios"
}

// place chooses a node for one request and takes its charge off the room.
func (s *Scheduler) place(v *state.View, all []*room, r request) (command.Assignment, *command.Error) {
	why := map[string]int{}
	var best *room
	var bestCharge state.Resources
	for _, at := range all {
		charge := s.charger.Charge(r.typeName, r.shape, at.node.Accel)
		if cause := at.unfit(v, r, charge); cause != "" {
			why[cause]++
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(at.load(charge), best.load(bestCharge)), strings.Compare(at.node.ID, best.node.ID)) < 0 {
			best, bestCharge = at, charge
		}
	}
	if best == nil {
		return command.Assignment{}, refusal(r, why)
	}
	best.free = best.free.Sub(bestCharge)
	best.storage -= r.storage
	return command.Assignment{NodeID: best.node.ID, Charge: bestCharge, BootMode: r.bootMode}, nil
}

// unfit says why the node cannot take the request, or "".
func (at *room) unfit(v *state.View, r request, charge state.Resources) string {
	n := at.node
	switch {
	case n.Zone != r.zone:
		return "in another zone"
	case !n.HasCap("ec2"):
		return "without the ec2 capability"
	case v.Closed(n) != "":
		return v.Closed(n)
	case !n.Offers(r.typeName):
		return "not offering the type"
	case slices.ContainsFunc(r.pinned, func(id string) bool { return id != n.ID }):
		return "without the instance's volumes"
	case slices.ContainsFunc(r.snapshots, func(id string) bool { return !holds(v, id, n.ID) }):
		return "without the image's data"
	case r.storage > at.storage:
		return "out of disk space"
	case charge.MemoryMiB > at.free.MemoryMiB:
		return "out of memory"
	case charge.MilliCPU > at.free.MilliCPU:
		return "out of CPU"
	}
	return ""
}

func holds(v *state.View, snapshot, node string) bool {
	s, ok := state.Snapshots.Get(v, state.AnyAccount, snapshot)
	return ok && slices.Contains(s.Nodes, node)
}

// load is the larger of the CPU and memory shares, in thousandths, that the node would have in use after the charge.
func (at *room) load(charge state.Resources) int64 {
	left, all := at.free.Sub(charge), at.node.Schedulable
	return max(share(all.MilliCPU-left.MilliCPU, all.MilliCPU), share(all.MemoryMiB-left.MemoryMiB, all.MemoryMiB))
}

func share(used, of int64) int64 {
	if of <= 0 {
		return 1000
	}
	return used * 1000 / of
}

// refusal is EC2's InsufficientInstanceCapacity with the causes, counted, in text order.
func refusal(r request, why map[string]int) *command.Error {
	var causes []string
	for cause, n := range why { // in any order: they are sorted below
		causes = append(causes, fmt.Sprintf("%d %s", n, cause))
	}
	slices.Sort(causes)
	detail := "the region has no nodes"
	if len(causes) > 0 {
		detail = "nodes: " + strings.Join(causes, ", ")
	}
	return command.Errorf("InsufficientInstanceCapacity",
		"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s); %s.", r.typeName, r.zone, detail)
}
