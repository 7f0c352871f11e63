// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

func (w *twins) placementGroup(t *rapid.T) string {
	return drawn(t, slices.Collect(state.PlacementGroups.All(w.a.View())), func(g *state.PlacementGroup) string { return g.ID }, "pg-none")
}

// firstGroups gives an account an image and a group of each strategy, so that rules are at work from the first launch on.
func (w *twins) firstGroups(t *rapid.T, acct string) {
	w.apply(t, command.ImportImage{Snapshot: state.Snapshot{ID: "snap-" + acct, AccountID: acct, SizeGiB: 1, Nodes: []string{"n-1"}},
		Image: state.Image{ID: "ami-" + acct, AccountID: acct, Name: "first", Public: true, Devices: []state.ImageDevice{{Name: "/dev/sda1", SnapshotID: "snap-" + acct}}}})
	for _, g := range []state.PlacementGroup{{Name: "c", Strategy: state.ClusterStrategy}, {Name: "s", Strategy: state.SpreadStrategy, SpreadLevel: state.SpreadRack},
		{Name: "p", Strategy: state.PartitionStrategy, Partitions: 2}} {
		g.ID, g.AccountID = "pg-"+g.Name+acct, acct
		w.apply(t, command.CreatePlacementGroup{Group: g})
	}
}

// group makes and removes placement groups, some of them without sense.
func (w *twins) group(t *rapid.T, acct string) {
	name := rapid.SampledFrom([]string{"g1", "g2", "g3"}).Draw(t, "name")
	if rapid.IntRange(0, 3).Draw(t, "delete group") == 0 {
		w.apply(t, command.DeletePlacementGroup{AccountID: acct, Name: name})
		return
	}
	w.apply(t, command.CreatePlacementGroup{Tags: []state.Tag{{Key: "a", Value: "b"}}, Group: state.PlacementGroup{ID: w.fresh("pg"), AccountID: acct, Name: name,
		Strategy:    rapid.SampledFrom([]string{state.ClusterStrategy, state.SpreadStrategy, state.PartitionStrategy}).Draw(t, "strategy"),
		SpreadLevel: rapid.SampledFrom([]string{"", "", state.SpreadRack, state.SpreadHost}).Draw(t, "level"),
		Partitions:  rapid.SampledFrom([]int{0, 0, 2, 3}).Draw(t, "partitions")}})
}

// movePlacement changes an instance's group, its partition or both.
func (w *twins) movePlacement(t *rapid.T, acct, id string) {
	c := command.ModifyInstancePlacement{AccountID: acct, InstanceID: id}
	if rapid.Bool().Draw(t, "change group") {
		group := rapid.SampledFrom([]string{"", w.placementGroup(t)}).Draw(t, "group")
		c.GroupID = &group
	}
	if rapid.Bool().Draw(t, "change partition") {
		partition := rapid.IntRange(-1, 4).Draw(t, "partition")
		c.Partition = &partition
	}
	w.apply(t, c)
}

// scramble now and then puts a plan's instances on other nodes and into other partitions, as a plan on an old state may
// do: Apply must refuse what breaks a rule.
func (w *twins) scramble(t *rapid.T, c command.Command) command.Command {
	if !scheduler.Planned(c) || rapid.IntRange(0, 2).Draw(t, "scramble") > 0 {
		return c
	}
	other := func(p command.Assignment) command.Assignment {
		p.NodeID = rapid.SampledFrom([]string{"n-1", "n-2", "n-3", "n-4", "n-none"}).Draw(t, "other node")
		if rapid.Bool().Draw(t, "keep partition") {
			return p
		}
		p.Partition = rapid.IntRange(0, 4).Draw(t, "other partition")
		return p
	}
	switch c := c.(type) {
	case command.RunInstances:
		for n, p := range c.Plan {
			c.Plan[n] = other(p)
		}
		return c
	case command.StartInstances:
		for _, id := range slices.Sorted(maps.Keys(c.Plan)) {
			c.Plan[id] = other(c.Plan[id])
		}
		return c
	}
	return c
}

// fataler is what a check needs of a test.
type fataler interface {
	Fatalf(format string, args ...any)
}

// groupRules checks where the instances of every placement group are, pair by pair: written without the counters that
// planner and state machine share.
func groupRules(t fataler, v *state.View) {
	for g := range state.PlacementGroups.All(v) {
		var members []*state.Instance
		for i := range state.Instances.All(v) {
			if i.PlacementGroupID == g.ID && i.Holds() {
				members = append(members, i)
			}
		}
		if g.SpreadLevel == state.SpreadRack && len(members) > 7 {
			t.Fatalf("spread group %s has %d instances in one zone", g.ID, len(members))
		}
		for n, a := range members {
			if (a.Partition != 0) != (g.Strategy == state.PartitionStrategy) || a.Partition > g.Partitions {
				t.Fatalf("instance %s of the %s group %s is in partition %d of %d", a.ID, g.Strategy, g.ID, a.Partition, g.Partitions)
			}
			for _, b := range members[:n] {
				checkPair(t, v, g, a, b)
			}
		}
	}
}

func checkPair(t fataler, v *state.View, g *state.PlacementGroup, a, b *state.Instance) {
	x, _ := state.Nodes.Get(v, state.AnyAccount, a.NodeID)
	y, _ := state.Nodes.Get(v, state.AnyAccount, b.NodeID)
	together := x.ID == y.ID || x.FailureDomain != "" && x.FailureDomain == y.FailureDomain && x.Zone == y.Zone
	broken := false
	switch {
	case g.Strategy == state.ClusterStrategy:
		broken = !together
	case g.SpreadLevel == state.SpreadRack:
		broken = together
	case g.SpreadLevel == state.SpreadHost:
		broken = x.ID == y.ID
	case g.Strategy == state.PartitionStrategy:
		broken = together && a.Partition != b.Partition
	}
	if broken {
		t.Fatalf("group %s (%s %s): %s on %s in partition %d and %s on %s in partition %d", g.ID, g.Strategy, g.SpreadLevel,
			a.ID, x.ID, a.Partition, b.ID, y.ID, b.Partition)
	}
}

// verdict is a fataler that remembers.
type verdict struct{ failed bool }

// Fatalf remembers the failure.
func (f *verdict) Fatalf(string, ...any) { f.failed = true }

// The check of the groups' rules has teeth: it finds each kind of broken rule, and nothing in states that keep them.
func TestGroupRules_BrokenOnesAreFound(t *testing.T) {
	t.Parallel()
	type at struct {
		node      string
		partition int
	}
	for name, c := range map[string]struct {
		group  state.PlacementGroup
		on     []at
		broken bool
	}{
		"cluster in a rack":          {state.PlacementGroup{Strategy: "cluster"}, []at{{"n-1", 0}, {"n-2", 0}, {"n-1", 0}}, false},
		"cluster in two racks":       {state.PlacementGroup{Strategy: "cluster"}, []at{{"n-1", 0}, {"n-3", 0}}, true},
		"spread over racks":          {state.PlacementGroup{Strategy: "spread", SpreadLevel: "rack"}, []at{{"n-1", 0}, {"n-3", 0}}, false},
		"spread inside a rack":       {state.PlacementGroup{Strategy: "spread", SpreadLevel: "rack"}, []at{{"n-1", 0}, {"n-2", 0}}, true},
		"spread over hosts":          {state.PlacementGroup{Strategy: "spread", SpreadLevel: "host"}, []at{{"n-1", 0}, {"n-2", 0}}, false},
		"spread on one host":         {state.PlacementGroup{Strategy: "spread", SpreadLevel: "host"}, []at{{"n-2", 0}, {"n-2", 0}}, true},
		"partitions apart":           {state.PlacementGroup{Strategy: "partition", Partitions: 2}, []at{{"n-1", 1}, {"n-2", 1}, {"n-3", 2}}, false},
		"partitions sharing a rack":  {state.PlacementGroup{Strategy: "partition", Partitions: 2}, []at{{"n-1", 1}, {"n-2", 2}}, true},
		"a partition that is not":    {state.PlacementGroup{Strategy: "partition", Partitions: 2}, []at{{"n-1", 3}}, true},
		"no partition":               {state.PlacementGroup{Strategy: "partition", Partitions: 2}, []at{{"n-1", 0}}, true},
		"a partition without a need": {state.PlacementGroup{Strategy: "cluster"}, []at{{"n-1", 1}}, true},
	} {
		store := state.NewStore()
		tx := store.Begin()
		for n, domain := range map[string]string{"n-1": "A", "n-2": "A", "n-3": "B"} {
			state.Nodes.Put(tx, &state.Node{ID: n, Name: n, Zone: "z1", FailureDomain: domain})
		}
		c.group.ID = "pg-1"
		state.PlacementGroups.Put(tx, &c.group)
		for n, p := range c.on {
			state.Instances.Put(tx, &state.Instance{ID: string(rune('a' + n)), State: state.Running, NodeID: p.node, Partition: p.partition, PlacementGroupID: "pg-1"})
		}
		tx.Commit()
		var f verdict
		groupRules(&f, store.View())
		if f.failed != c.broken {
			t.Errorf("%s: broken is %v, want %v", name, f.failed, c.broken)
		}
	}
}
