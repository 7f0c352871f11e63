// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// fetchPenalty is the load, in thousandths, that a node must be emptier by to be chosen although it has to fetch a
// snapshot first. Without it every launch would fetch; with a hard rule all launches of an image would crowd on the
// node that imported it.
const fetchPenalty = 200

// plan is a plan while it grows: what is left on each node, and where the groups' instances are.
type plan struct {
	view     *state.View
	charger  Charger
	rooms    []*room
	launched map[string]int // instances that the plan has put into a failure domain
	groups   map[string]*state.GroupUse
	charges  map[chargeKey]state.Resources
}

// chargeKey is what a charge depends on: nodes with one accelerator share it.
type chargeKey struct {
	typeName, accel string
	shape           state.Shape
}

func newPlan(v *state.View, c Charger) *plan {
	return &plan{view: v, charger: c, rooms: roomsOf(v), launched: map[string]int{}, groups: map[string]*state.GroupUse{}, charges: map[chargeKey]state.Resources{}}
}

// try is a copy to try placements on, with only the nodes of one failure domain.
func (p *plan) try(domain string) *plan {
	t := &plan{view: p.view, charger: p.charger, launched: map[string]int{}, charges: p.charges}
	for _, at := range p.rooms {
		if at.node.Domain() == domain {
			c := *at
			t.rooms = append(t.rooms, &c)
		}
	}
	return t
}

// groupOf is the use of an instance's placement group, nil when it is in none.
func (p *plan) groupOf(i *state.Instance) (*state.GroupUse, *command.Error) {
	if i.PlacementGroupID == "" {
		return nil, nil
	}
	if use, ok := p.groups[i.PlacementGroupID]; ok {
		return use, nil
	}
	g, ok := state.PlacementGroups.Get(p.view, i.AccountID, i.PlacementGroupID)
	if !ok {
		return nil, command.Errorf("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", i.PlacementGroupID)
	}
	use := p.view.GroupUse(g, func(other *state.Instance) bool { return other.ID == i.ID })
	p.groups[g.ID] = use
	return use, nil
}

func (p *plan) charge(r *request, n *state.Node) state.Resources {
	key := chargeKey{r.typeName, n.Accel, r.shape}
	c, ok := p.charges[key]
	if !ok {
		c = p.charger.Charge(r.typeName, r.shape, n.Accel)
		p.charges[key] = c
	}
	return c
}

// each places the requests one after the other, until one does not fit.
func (p *plan) each(requests []*request, use *state.GroupUse) ([]command.Assignment, *refusal) {
	var out []command.Assignment
	for _, r := range requests {
		place, refusal := p.place(r, use)
		if refusal != nil {
			return out, refusal
		}
		out = append(out, place)
	}
	return out, nil
}

// cluster places requests in one failure domain. The group's domain is fixed once it has instances. Before, taking the
// best node first and following it would strand a launch in a domain that is too small for it: each domain is tried
// with the whole launch, and the one wins that takes most of it, then on fewest nodes, then at the least load.
func (p *plan) cluster(requests []*request, use *state.GroupUse) ([]command.Assignment, *refusal) {
	var domains []string
	for _, at := range p.rooms {
		if at.unfit(requests[0], p.charge(requests[0], at.node), use, 0) == "" {
			domains = append(domains, at.node.Domain())
		}
	}
	slices.Sort(domains)
	domains = slices.Compact(domains)
	if len(domains) < 2 {
		return p.each(requests, use)
	}
	var best trial
	for n, d := range domains {
		t := p.trial(requests, use.Clone(), d)
		if n == 0 || t.better(best) {
			best = t
		}
	}
	return best.plan, best.refusal
}

// trial is what a launch would be in one failure domain.
type trial struct {
	plan    []command.Assignment
	refusal *refusal
	nodes   int
	load    int64
}

func (p *plan) trial(requests []*request, use *state.GroupUse, domain string) trial {
	sub := p.try(domain)
	var t trial
	t.plan, t.refusal = sub.each(requests, use)
	for _, at := range sub.rooms {
		if at.launched > 0 {
			t.nodes++
			t.load = max(t.load, at.load(state.Resources{})+int64(requests[0].lacks(at.node.ID))*fetchPenalty)
		}
	}
	return t
}

func (t trial) better(o trial) bool {
	return cmp.Or(cmp.Compare(len(o.plan), len(t.plan)), cmp.Compare(t.nodes, o.nodes), cmp.Compare(t.load, o.load)) < 0
}

// place chooses a node for one request and takes its charge off the room.
func (p *plan) place(r *request, use *state.GroupUse) (command.Assignment, *refusal) {
	var refused *refusal
	for _, partition := range partitions(r, use) {
		best, why := p.best(r, use, partition)
		if best == nil {
			if refused == nil {
				refused = why
			}
			continue
		}
		charge := p.charge(r, best.node)
		best.take(r, charge)
		p.launched[best.node.Domain()]++
		if use != nil {
			use.Add(best.node, partition)
		}
		return command.Assignment{NodeID: best.node.ID, Charge: charge, BootMode: r.bootMode, Partition: partition}, nil
	}
	return command.Assignment{}, refused
}

// partitions are those that the request may go to, the emptiest first; of no partition group it is 0.
func partitions(r *request, use *state.GroupUse) []int {
	if use == nil || use.Group().Strategy != state.PartitionStrategy {
		return []int{0}
	}
	if r.partition != 0 {
		return []int{r.partition}
	}
	var out []int
	for n := range max(use.Group().Partitions, 1) {
		out = append(out, n+1)
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(use.InPartition(r.zone, a), use.InPartition(r.zone, b)) })
	return out
}

// best is the candidate of the lowest rank; ties go to the lower node id. Without one, the refusal says why.
func (p *plan) best(r *request, use *state.GroupUse, partition int) (*room, *refusal) {
	why := &refusal{request: r, nodes: map[string][]string{}}
	var best *room
	var lowest rank
	for _, at := range p.rooms {
		charge := p.charge(r, at.node)
		if cause := at.unfit(r, charge, use, partition); cause != "" {
			why.nodes[cause] = append(why.nodes[cause], at.node.Name)
			continue
		}
		if k := p.rank(at, r, charge, use, partition); best == nil || k.less(lowest) {
			best, lowest = at, k
		}
	}
	return best, why
}

// rank orders candidates: the first number that differs decides, and the lower wins.
type rank [4]int64

func (k rank) less(o rank) bool { return slices.Compare(k[:], o[:]) < 0 }

// rank judges a candidate. Instances of one launch go apart, over failure domains first and nodes second, and only then
// to where there is room: what is launched together should not die together. Groups bend that: a cluster stays together,
// and a partition fills the failure domains that it has before it takes one that another partition may need.
func (p *plan) rank(at *room, r *request, charge state.Resources, use *state.GroupUse, partition int) rank {
	load := at.load(charge) + int64(r.lacks(at.node.ID))*fetchPenalty
	apart := [2]int64{int64(p.launched[at.node.Domain()]), int64(at.launched)}
	if use == nil {
		return rank{0, apart[0], apart[1], load}
	}
	switch use.Group().Strategy {
	case state.ClusterStrategy:
		return rank{0, -int64(use.OnNode(at.node)), -at.slots(r, charge), load}
	case state.PartitionStrategy:
		if use.Owns(at.node, partition) {
			return rank{0, apart[0], apart[1], load}
		}
		return rank{1, apart[0], apart[1], load}
	}
	return rank{0, apart[0], apart[1], load}
}
