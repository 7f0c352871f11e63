// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// tokenLife is how long a client token is remembered.
const tokenLife = state.Time(24 * 3600 * 1e9)

func (a *apply) initRegion(c command.InitRegion) (any, *command.Error) {
	if a.region.Key != "" {
		return nil, command.Errorf("RegionAlreadyInitialized", "The region %s (cluster %s) is already initialised.", a.region.Name, a.region.ClusterID)
	}
	if c.FormatLevel < 1 || c.FormatLevel > state.FormatLevel {
		return nil, command.Errorf("UnsupportedFormatLevel", "The region format level %d is not one this version knows.", c.FormatLevel)
	}
	state.Regions.Put(a.Txn, &state.Region{
		Key: state.RegionKey, ClusterID: c.ClusterID, Name: c.Name, Partition: "aws", Zones: slices.Clone(c.Zones),
		FormatLevel: c.FormatLevel, Created: a.now, PublicPool: c.PublicPool, MaxVCPUs: c.MaxVCPUs,
		DNSSuffix: c.Name + ".compute.internal",
	})
	return nil, nil
}

// tick forgets what is past its hour. It collects first and writes second: a scan must not see its own writes.
func (a *apply) tick() (any, *command.Error) {
	for _, t := range slices.Collect(state.ClientTokens.All(a.View)) {
		if t.Expires < a.now {
			state.ClientTokens.Delete(a.Txn, state.ClientTokenKey(t.AccountID, t.Action, t.Token))
		}
	}
	visible := a.SettingSpan(state.SettingTerminatedVisible)
	for _, i := range slices.Collect(state.Instances.All(a.View)) {
		if i.State == state.Terminated && i.TerminatedAt+visible < a.now {
			a.dropTags(i.AccountID, i.ID)
			state.Instances.Delete(a.Txn, i.ID)
		}
	}
	a.expireMembership()
	a.deleteKMSKeys()
	return nil, nil
}

func (a *apply) registerNode(c command.RegisterNode) (any, *command.Error) {
	n := c.Node
	if a.Denied(n.ID) {
		return nil, command.Errorf("NodeRemoved", "The node %s was removed from the region; its id is not used again.", n.ID)
	}
	if !a.region.HasZone(n.Zone) {
		return nil, command.Errorf("InvalidZone", "The node %s names the zone %q, which the region %s does not list.", n.Name, n.Zone, a.region.Name)
	}
	if a.region.FormatLevel > 1 && n.FormatLevel < a.region.FormatLevel {
		return nil, command.Errorf("NodeTooOld", "The node %s knows region format level %d and the region is at %d.", n.Name, n.FormatLevel, a.region.FormatLevel)
	}
	if other, ok := state.Nodes.First(a.View, state.ByName, n.Name); ok && other.ID != n.ID {
		return nil, command.Errorf("NodeAlreadyExists", "A node of the name %s exists with the id %s.", n.Name, other.ID)
	}
	if refusal := a.enrol(c); refusal != nil {
		return nil, refusal
	}
	standing := a.Standing(n.ID)
	if standing.CapsSet {
		n.Caps = standing.Caps
	}
	n.Caps, n.Types = sorted(n.Caps), sorted(n.Types)
	n.Registered, n.Cordoned, n.Epoch = a.now, false, 1
	old, known := state.Nodes.Get(a.View, state.AnyAccount, n.ID)
	if known {
		n.FreeStorageGiB = old.FreeStorageGiB
		n.Registered, n.Cordoned, n.Epoch = old.Registered, old.Cordoned, old.Epoch+1
	}
	state.Nodes.Put(a.Txn, &n)
	switch {
	case standing.Lost:
		standing.Lost, standing.LostAt = false, 0
		state.Standings.Put(a.Txn, &standing)
		a.event(state.EventNodeReturned, n.ID, "", "The node %s is back.", n.Name)
	case known:
		a.event(state.EventNodeRestarted, n.ID, "", "The node %s registered again.", n.Name)
	default:
		a.event(state.EventNodeRegistered, n.ID, "", "The node %s registered for the first time.", n.Name)
	}
	return command.Registered{Epoch: n.Epoch}, nil
}

func (a *apply) reportNode(c command.ReportNode) (any, *command.Error) {
	old, refusal := a.reporter(c.NodeID, c.NodeEpoch)
	if refusal != nil {
		return nil, refusal
	}
	n := *old
	n.FreeStorageGiB = c.FreeStorageGiB
	state.Nodes.Put(a.Txn, &n)
	return nil, nil
}

func sorted(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return slices.Compact(out)
}
