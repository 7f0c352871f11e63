// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// terminatedVisible is how long a terminated instance is still described, as EC2 documents ("about an hour").
const terminatedVisible = state.Time(3600 * 1e9)

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
	for _, i := range slices.Collect(state.Instances.All(a.View)) {
		if i.State == state.Terminated && i.TerminatedAt+terminatedVisible < a.now {
			a.dropTags(i.AccountID, i.ID)
			state.Instances.Delete(a.Txn, i.ID)
		}
	}
	return nil, nil
}

func sorted(s []string) []string {
	out := slices.Clone(s)
	slices.Sort(out)
	return slices.Compact(out)
}
