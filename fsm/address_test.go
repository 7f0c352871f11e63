// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// given are the interfaces as they would be after each launch of a command, by id: addresses are found by looking at all
// of them, as the rule says.
type given map[string]state.NetworkInterface

// lowest is the lowest address of a range that no interface has, without the first reserve ones and the last.
func (g given) lowest(cidr string, reserve int, of func(state.NetworkInterface) string) string {
	taken := map[string]bool{}
	for _, n := range g {
		taken[of(n)] = true
	}
	p := netip.MustParsePrefix(cidr)
	for a, n := p.Addr(), 0; p.Contains(a.Next()); a, n = a.Next(), n+1 {
		if n >= reserve && !taken[a.String()] {
			return a.String()
		}
	}
	return ""
}

// expect is what a launch has to be given on a state; the second result is the code of the refusal, if any.
func expect(v *state.View, c command.RunInstances) (given, string) {
	g := given{}
	for n := range state.NetworkInterfaces.All(v) {
		g[n.ID] = *n
	}
	for _, l := range c.Launches {
		subnet, _ := state.Subnets.Get(v, account, l.Instance.SubnetID)
		n := l.Interface
		if n.PrivateIP = g.lowest(subnet.CIDR, 4, func(n state.NetworkInterface) string { return n.PrivateIP }); n.PrivateIP == "" {
			return nil, "InsufficientFreeAddressesInSubnet"
		}
		if subnet.MapPublicIP {
			if n.PublicIP = g.lowest(smallPool, 1, func(n state.NetworkInterface) string { return n.PublicIP }); n.PublicIP == "" {
				return nil, "InsufficientAddressCapacity"
			}
		}
		g[n.ID] = n
	}
	return g, ""
}

const smallPool = "127.80.0.0/27"

// smallRegion is a region whose ranges are soon full.
func smallRegion(t *testing.T) (r *fsmtest.Region, image string) {
	t.Helper()
	r = &fsmtest.Region{FSM: fsm.New()}
	mustPropose(t, r, command.InitRegion{ClusterID: "c-1", Name: fsmtest.Name, FormatLevel: 1, PublicPool: smallPool, Zones: []state.Zone{{Name: fsmtest.Zone, ID: "z1"}}})
	mustPropose(t, r, command.RegisterNode{Node: state.Node{ID: fsmtest.NodeID, Name: "test", Zone: fsmtest.Zone, Caps: []string{"ec2"}, Types: []string{"t3.nano"},
		Schedulable: state.Resources{MilliCPU: 1 << 30, MemoryMiB: 1 << 30}}})
	mustPropose(t, r, command.CreateAccount{Account: state.Account{ID: account, Name: "a"}, VPC: state.VPC{ID: "vpc-1", CIDR: "172.31.0.0/16"},
		Group: state.SecurityGroup{ID: "sg-1"}, Subnets: []state.Subnet{
			{ID: "subnet-small", CIDR: "172.31.0.0/28", Zone: fsmtest.Zone, MapPublicIP: true},
			{ID: "subnet-odd", CIDR: "172.31.1.64/27", Zone: fsmtest.Zone, MapPublicIP: true},
			{ID: "subnet-private", CIDR: "172.31.2.0/28", Zone: fsmtest.Zone}}})
	return r, r.AddImage(t, account, "img", 1)
}

// TestAddresses_LowestFreeOne: whatever was launched and terminated before, and whatever else a launch holds, every
// instance gets the lowest addresses that are free then. A launch that names an interface twice gives those of the first
// back in its midst.
func TestAddresses_LowestFreeOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r, image := smallRegion(t)
		next := 0
		launch := func() {
			c := command.RunInstances{AccountID: account, MinCount: 1}
			for range rapid.IntRange(1, 6).Draw(rt, "count") {
				next++
				one := launchOf(account, image, fmt.Sprint(next), "").Launches[0]
				one.Instance.SubnetID = rapid.SampledFrom([]string{"subnet-small", "subnet-odd", "subnet-private"}).Draw(rt, "subnet")
				one.Interface.SubnetID = one.Instance.SubnetID
				if rapid.IntRange(0, 9).Draw(rt, "twice") == 0 {
					one.Interface.ID = "eni-twice"
				}
				c.Launches = append(c.Launches, one)
			}
			want, code := expect(r.FSM.View(), c)
			err := r.Propose(t.Context(), c, nil)
			var refusal *command.Error
			if errors.As(err, &refusal); code != "" || err != nil {
				if refusal == nil || refusal.Code != code {
					rt.Fatalf("got %v, want %q", err, code)
				}
				return
			}
			for n := range state.NetworkInterfaces.All(r.FSM.View()) {
				if w := want[n.ID]; n.PrivateIP != w.PrivateIP || n.PublicIP != w.PublicIP {
					rt.Fatalf("%s in %s has %s and %q, want %s and %q", n.ID, n.SubnetID, n.PrivateIP, n.PublicIP, w.PrivateIP, w.PublicIP)
				}
			}
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			all := slices.Collect(state.Instances.All(r.FSM.View()))
			if len(all) == 0 || rapid.IntRange(0, 2).Draw(rt, "step") > 0 {
				launch()
				continue
			}
			id := rapid.SampledFrom(all).Draw(rt, "gone").ID
			mustPropose(t, r, command.TerminateInstances{AccountID: account, InstanceIDs: []string{id}})
			if i, ok := state.Instances.Get(r.FSM.View(), account, id); ok && i.State != state.Terminated {
				r.Observe(t, id, command.SawTerminated)
			}
		}
	})
}
