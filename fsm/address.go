// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"net/netip"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// lowestFree is the lowest address of a prefix that is not taken, leaving the first reserve addresses and the last
// one alone. ok is false when there is none.
func lowestFree(prefix netip.Prefix, reserve int, taken map[netip.Addr]bool) (netip.Addr, bool) {
	addr := prefix.Masked().Addr()
	for range reserve {
		addr = addr.Next()
	}
	for ; prefix.Contains(addr); addr = addr.Next() {
		if !taken[addr] && prefix.Contains(addr.Next()) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// privateAddress allocates an address in a subnet. AWS keeps the first four and the last of a subnet for itself.
func (a *apply) privateAddress(s *state.Subnet) (string, *command.Error) {
	prefix, err := netip.ParsePrefix(s.CIDR)
	if err != nil {
		return "", command.Errorf("InternalError", "The subnet %s has the unreadable range %q.", s.ID, s.CIDR)
	}
	taken := map[netip.Addr]bool{}
	for n := range state.NetworkInterfaces.List(a.View, state.BySubnet, s.ID) {
		if addr, err := netip.ParseAddr(n.PrivateIP); err == nil {
			taken[addr] = true
		}
	}
	addr, ok := lowestFree(prefix, 4, taken)
	if !ok {
		return "", command.Errorf("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", s.ID)
	}
	return addr.String(), nil
}

// publicAddress allocates an address from the region's pool; "" when the region has none.
func (a *apply) publicAddress() (string, *command.Error) {
	if a.region.PublicPool == "" {
		return "", nil
	}
	prefix, err := netip.ParsePrefix(a.region.PublicPool)
	if err != nil {
		return "", command.Errorf("InternalError", "The region has the unreadable public pool %q.", a.region.PublicPool)
	}
	taken := map[netip.Addr]bool{}
	for n := range state.NetworkInterfaces.All(a.View) {
		if addr, err := netip.ParseAddr(n.PublicIP); err == nil {
			taken[addr] = true
		}
	}
	addr, ok := lowestFree(prefix, 1, taken)
	if !ok {
		return "", command.Errorf("InsufficientAddressCapacity", "There are not enough free public addresses to satisfy your request.")
	}
	return addr.String(), nil
}
