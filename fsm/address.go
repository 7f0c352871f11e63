// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"net/netip"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// addresses gives addresses out. Looking at all that a range has given out for every instance of a launch makes launches
// into a full region dear; so a command that only takes addresses keeps one of these, reads each range once, and goes up
// from there. It gives the same addresses: while nothing is given back, the lowest free one never moves down.
type addresses struct {
	a       *apply
	subnets map[string]*span
	public  *span
}

func (a *apply) addresses() *addresses { return &addresses{a: a, subnets: map[string]*span{}} }

// forget has the ranges read again: something was given back.
func (g *addresses) forget() { g.subnets, g.public = map[string]*span{}, nil }

// span is a range of addresses and what of it is taken.
type span struct {
	prefix netip.Prefix
	next   netip.Addr // nothing below it is free
	taken  map[netip.Addr]bool
}

// newSpan is a range without its first reserve addresses.
func newSpan(prefix netip.Prefix, reserve int) *span {
	s := &span{prefix: prefix, next: prefix.Masked().Addr(), taken: map[netip.Addr]bool{}}
	for range reserve {
		s.next = s.next.Next()
	}
	return s
}

func (s *span) take(text string) {
	if addr, err := netip.ParseAddr(text); err == nil {
		s.taken[addr] = true
	}
}

// lowest takes the lowest address that is free, leaving the last one of the range alone. ok is false when there is none.
func (s *span) lowest() (addr netip.Addr, ok bool) {
	for ; s.prefix.Contains(s.next); s.next = s.next.Next() {
		if !s.taken[s.next] && s.prefix.Contains(s.next.Next()) {
			s.taken[s.next] = true
			return s.next, true
		}
	}
	return netip.Addr{}, false
}

// private allocates an address in a subnet. AWS keeps the first four and the last of a subnet for itself.
func (g *addresses) private(s *state.Subnet) (string, *command.Error) {
	from, ok := g.subnets[s.ID]
	if !ok {
		prefix, err := netip.ParsePrefix(s.CIDR)
		if err != nil {
			return "", command.Errorf("InternalError", "The subnet %s has the unreadable range %q.", s.ID, s.CIDR)
		}
		from = newSpan(prefix, 4)
		for n := range state.NetworkInterfaces.List(g.a.View, state.BySubnet, s.ID) {
			from.take(n.PrivateIP)
		}
		g.subnets[s.ID] = from
	}
	addr, ok := from.lowest()
	if !ok {
		return "", command.Errorf("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", s.ID)
	}
	return addr.String(), nil
}

// publicly allocates an address from the region's pool; "" when the region has none.
func (g *addresses) publicly() (string, *command.Error) {
	if g.a.region.PublicPool == "" {
		return "", nil
	}
	if g.public == nil {
		prefix, err := netip.ParsePrefix(g.a.region.PublicPool)
		if err != nil {
			return "", command.Errorf("InternalError", "The region has the unreadable public pool %q.", g.a.region.PublicPool)
		}
		g.public = newSpan(prefix, 1)
		for n := range state.NetworkInterfaces.All(g.a.View) {
			g.public.take(n.PublicIP)
		}
	}
	addr, ok := g.public.lowest()
	if !ok {
		return "", command.Errorf("InsufficientAddressCapacity", "There are not enough free public addresses to satisfy your request.")
	}
	return addr.String(), nil
}
