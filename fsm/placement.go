// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// placementGroup finds a group of the account by id. Users name groups; the name is said where it is known.
func (a *apply) placementGroup(account, id string) (*state.PlacementGroup, *command.Error) {
	g, ok := state.PlacementGroups.Get(a.View, account, id)
	if !ok {
		return nil, command.Errorf("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", id)
	}
	return g, nil
}

// placeInGroup checks an assignment against the rule of the instance's placement group. Instances that the same
// command placed before stand in the state already.
func (a *apply) placeInGroup(p command.Assignment, i *state.Instance, n *state.Node) *command.Error {
	if i.PlacementGroupID == "" {
		if p.Partition != 0 {
			return command.Errorf("InternalError", "The plan names a partition for an instance without a placement group.")
		}
		return nil
	}
	g, refusal := a.placementGroup(i.AccountID, i.PlacementGroupID)
	if refusal != nil {
		return refusal
	}
	partitioned := g.Strategy == state.PartitionStrategy
	if !partitioned && p.Partition != 0 || i.Partition != 0 && i.Partition != p.Partition {
		return command.Errorf(command.PlanConflict, "The partition of the plan (%d) is not the instance's.", p.Partition)
	}
	use := a.GroupUse(g, func(other *state.Instance) bool { return other.ID == i.ID || a.Gone(other.NodeID) })
	if cause := use.Forbids(n, p.Partition); cause != "" {
		return command.Errorf(command.PlanConflict, "The node %s is %s.", n.ID, cause)
	}
	return nil
}

func (a *apply) createPlacementGroup(c command.CreatePlacementGroup) (any, *command.Error) {
	g := c.Group
	if _, ok := state.PlacementGroups.First(a.View, state.ByName, state.PlacementGroupName(g.AccountID, g.Name)); ok {
		return nil, command.Errorf("InvalidPlacementGroup.Duplicate", "The placement group '%s' already exists.", g.Name)
	}
	if _, ok := state.PlacementGroups.Get(a.View, state.AnyAccount, g.ID); ok {
		return nil, command.Errorf("InternalError", "The placement group id %s is in use.", g.ID)
	}
	if refusal := checkStrategy(g); refusal != nil {
		return nil, refusal
	}
	have := 0
	for range state.PlacementGroups.Of(a.View, g.AccountID) {
		have++
	}
	if have >= state.MaxPlacementGroups {
		return nil, command.Errorf("PlacementGroupLimitExceeded", "You've reached the limit of %d placement groups in this Region.", state.MaxPlacementGroups)
	}
	g.State, g.Created = state.PlacementGroupAvailable, a.now
	state.PlacementGroups.Put(a.Txn, &g)
	return nil, a.tag(g.AccountID, g.ID, "placement-group", c.Tags)
}

// checkStrategy refuses a group whose numbers do not go with its strategy: the rule could not be kept.
func checkStrategy(g state.PlacementGroup) *command.Error {
	ok := false
	switch g.Strategy {
	case state.ClusterStrategy:
		ok = g.Partitions == 0 && g.SpreadLevel == ""
	case state.SpreadStrategy:
		ok = g.Partitions == 0 && (g.SpreadLevel == state.SpreadRack || g.SpreadLevel == state.SpreadHost)
	case state.PartitionStrategy:
		ok = g.Partitions >= 1 && g.Partitions <= state.MaxPartitions && g.SpreadLevel == ""
	}
	if !ok {
		return command.Errorf("InvalidParameterCombination", "The placement strategy '%s' does not go with %d partitions and the spread level '%s'.", g.Strategy, g.Partitions, g.SpreadLevel)
	}
	return nil
}

func (a *apply) deletePlacementGroup(c command.DeletePlacementGroup) (any, *command.Error) {
	g, ok := state.PlacementGroups.First(a.View, state.ByName, state.PlacementGroupName(c.AccountID, c.Name))
	if !ok {
		return nil, command.Errorf("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", c.Name)
	}
	for i := range state.Instances.List(a.View, state.ByGroup, g.ID) {
		if i.State != state.Terminated {
			return nil, command.Errorf("InvalidPlacementGroup.InUse", "The placement group '%s' is in use and may not be deleted.", g.Name)
		}
	}
	a.dropTags(g.AccountID, g.ID)
	state.PlacementGroups.Delete(a.Txn, g.ID)
	return nil, nil
}

func (a *apply) modifyInstancePlacement(c command.ModifyInstancePlacement) (any, *command.Error) {
	old, refusal := a.instance(c.AccountID, c.InstanceID)
	if refusal != nil {
		return nil, refusal
	}
	if c.GroupID == nil && c.Partition == nil {
		return nil, nil
	}
	if old.State != state.Stopped {
		return nil, command.Errorf("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", old.ID)
	}
	i := *old
	if c.GroupID != nil && *c.GroupID != i.PlacementGroupID {
		i.PlacementGroupID, i.Partition = *c.GroupID, 0
	}
	set(&i.Partition, c.Partition)
	limit := 0
	if i.PlacementGroupID != "" {
		g, refusal := a.placementGroup(i.AccountID, i.PlacementGroupID)
		if refusal != nil {
			return nil, refusal
		}
		limit = g.Partitions
	}
	if i.Partition < 0 || i.Partition > limit {
		return nil, command.Errorf("InvalidParameterValue", "Value (%d) for parameter partitionNumber is invalid. The instance's placement group has %d partitions.", i.Partition, limit)
	}
	state.Instances.Put(a.Txn, &i)
	return nil, nil
}
