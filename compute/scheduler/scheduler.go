// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
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
		c.Moves = s.planMoves(v, c.Moves, c.NodeID, append([]string{c.NodeID}, c.Avoid...))
		return c
	case command.MoveInstances:
		c.Moves = s.planMoves(v, c.Moves, "", nil)
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

func (s *Scheduler) planRun(v *state.View, c command.RunInstances) command.Command {
	c.Planned, c.Plan, c.Refusal = true, nil, nil
	if len(c.Launches) == 0 {
		return c
	}
	requests := make([]*request, len(c.Launches))
	for n := range c.Launches {
		requests[n] = launchRequest(v, &c.Launches[n])
	}
	p := newPlan(v, s.charger)
	use, fault := p.groupOf(&c.Launches[0].Instance) // one launch, one group
	if fault != nil {
		c.Refusal = fault
		return c
	}
	var refusal *refusal
	if use != nil && use.Group().Strategy == state.ClusterStrategy {
		c.Plan, refusal = p.cluster(requests, use)
	} else {
		c.Plan, refusal = p.each(requests, use)
	}
	if refusal != nil && len(c.Plan) < max(c.MinCount, 1) {
		c.Plan, c.Refusal = nil, refusal.error(len(c.Plan), c.MinCount)
	}
	return c
}

func (s *Scheduler) planStart(v *state.View, c command.StartInstances) command.Command {
	c.Planned, c.Plan, c.Refusal = true, map[string]command.Assignment{}, nil
	p := newPlan(v, s.charger)
	for _, id := range c.InstanceIDs {
		i, ok := state.Instances.Get(v, c.AccountID, id)
		if _, twice := c.Plan[id]; !ok || twice || i.State != state.Stopped {
			continue
		}
		if c.Refusal = unreachable(v, id); c.Refusal != nil {
			c.Plan = nil
			return c
		}
		use, fault := p.groupOf(i)
		if fault != nil {
			c.Plan, c.Refusal = nil, fault
			return c
		}
		place, refusal := p.place(startRequest(v, i), use)
		if refusal != nil {
			c.Plan, c.Refusal = nil, refusal.error(0, 1)
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
