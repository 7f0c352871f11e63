// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

const (
	// maxZones is how many default subnets of defaultBits a default VPC has room for.
	maxZones    = 16
	defaultBits = 20
	// zoneSubnets is the format level that brought default subnets to accounts that are older than a zone.
	zoneSubnets = 2
)

// setZones makes the region list these zones. What is in a zone keeps it; a default subnet that nothing is in goes with its
// zone, and every account's default VPC gets one in a new zone, as AWS does it
// (https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html).
func (a *apply) setZones(names []string) *command.Error {
	region := a.region
	region.Zones = nil
	ids := map[string]string{}
	for _, name := range names {
		zone := state.Zone{Name: name, ID: state.ZoneID(region.Name, name), State: "available"}
		if at := slices.IndexFunc(a.region.Zones, func(z state.Zone) bool { return z.Name == name }); at >= 0 {
			zone = a.region.Zones[at]
		}
		if other, taken := ids[zone.ID]; taken {
			return command.Errorf("InvalidSettingValue", "The zones %s and %s would both have the id %s; name them %s and a letter.", other, name, zone.ID, region.Name)
		}
		ids[zone.ID] = name
		region.Zones = append(region.Zones, zone)
	}
	if len(region.Zones) > maxZones && a.level() >= zoneSubnets {
		return command.Errorf("InvalidSettingValue", "A region lists at most %d zones: a default VPC has no room for more subnets.", maxZones)
	}
	if refusal := a.vacate(region); refusal != nil {
		return refusal
	}
	state.Regions.Put(a.Txn, &region)
	if a.level() >= zoneSubnets {
		for _, account := range slices.Collect(state.Accounts.All(a.View)) {
			for _, zone := range region.Zones {
				a.addDefaultSubnet(account, zone.Name)
			}
		}
	}
	return nil
}

// vacate refuses to drop a zone that something is in, and takes the empty default subnets of those that are dropped.
func (a *apply) vacate(region state.Region) *command.Error {
	for n := range state.Nodes.All(a.View) {
		if !region.HasZone(n.Zone) {
			return command.Errorf("SettingInUse", "The zone %s cannot be left out: the node %s is in it.", n.Zone, n.Name)
		}
	}
	for _, s := range slices.Collect(state.Subnets.All(a.View)) {
		if region.HasZone(s.Zone) {
			continue
		}
		if _, used := state.NetworkInterfaces.First(a.View, state.BySubnet, s.ID); used || !s.DefaultForAZ || a.level() < zoneSubnets {
			return command.Errorf("SettingInUse", "The zone %s cannot be left out: the subnet %s is in it.", s.Zone, s.ID)
		}
		a.dropTags(s.AccountID, s.ID)
		state.Subnets.Delete(a.Txn, s.ID)
	}
	return nil
}

// addDefaultSubnet gives an account's default VPC a default subnet in a zone, unless there is one or no room.
func (a *apply) addDefaultSubnet(account *state.Account, zone string) {
	vpc, ok := state.VPCs.Get(a.View, account.ID, account.DefaultVPC)
	if !ok {
		return
	}
	var taken []netip.Prefix
	for s := range state.Subnets.List(a.View, state.ByVPC, vpc.ID) {
		if s.Zone == zone && s.DefaultForAZ {
			return
		}
		if p, err := netip.ParsePrefix(s.CIDR); err == nil {
			taken = append(taken, p)
		}
	}
	cidr, ok := freeRange(vpc.CIDR, taken)
	if !ok {
		return
	}
	// Nobody proposed an id, and all replicas need the same.
	sum := sha256.Sum256([]byte("default subnet|" + account.ID + "|" + vpc.ID + "|" + zone))
	id := "subnet-0" + hex.EncodeToString(sum[:8])
	if _, used := state.Subnets.Get(a.View, state.AnyAccount, id); used {
		return
	}
	state.Subnets.Put(a.Txn, &state.Subnet{ID: id, AccountID: account.ID, VPCID: vpc.ID, CIDR: cidr.String(), Zone: zone, DefaultForAZ: true, MapPublicIP: true, Created: a.now})
}

// freeRange is the first range of defaultBits in a VPC's that overlaps no subnet.
func freeRange(vpc string, taken []netip.Prefix) (netip.Prefix, bool) {
	whole, err := netip.ParsePrefix(vpc)
	if err != nil || !whole.Addr().Is4() || whole.Bits() > defaultBits {
		return netip.Prefix{}, false
	}
	base := whole.Masked().Addr().As4()
	first := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	for n := range uint32(1) << (defaultBits - whole.Bits()) {
		at := first + n<<(32-defaultBits)
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}), defaultBits)
		if !slices.ContainsFunc(taken, p.Overlaps) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
