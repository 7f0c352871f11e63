// SPDX-License-Identifier: Apache-2.0

package vip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/vishvananda/netlink"
)

// label marks the address in "ip address", for people.
const label = ":hive"

// netLink is an interface of this machine.
type netLink struct{ name string }

var _ Link = netLink{}

// Interface is a Link for a named interface. It does no I/O: an interface that comes later is found then.
func Interface(name string) Link { return netLink{name} }

// Find names the interface whose network holds addr, for when the operator named none.
func Find(addr netip.Addr) (string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return "", fmt.Errorf("list addresses of %s: %w", i.Name, err)
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Bits() < 32 && p.Contains(addr) {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface has an address in the network of %s", addr)
}

// Name is the interface's name.
func (l netLink) Name() string { return l.name }

func (l netLink) address(addr netip.Addr) (netlink.Link, *netlink.Addr, error) {
	link, err := netlink.LinkByName(l.name)
	if err != nil {
		return nil, nil, fmt.Errorf("find interface %s: %w", l.name, err)
	}
	// A host's prefix: the interface's own address keeps the route to the network.
	a := &netlink.Addr{IPNet: &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	if len(l.name)+len(label) < syscall.IFNAMSIZ {
		a.Label = l.name + label
	}
	return link, a, nil
}

// Hold puts the address on the interface or renews its lifetime.
func (l netLink) Hold(addr netip.Addr, lifetime time.Duration) error {
	link, a, err := l.address(addr)
	if err != nil {
		return err
	}
	a.ValidLft = int(lifetime / time.Second)
	a.PreferedLft = a.ValidLft
	if err := netlink.AddrReplace(link, a); err != nil {
		return fmt.Errorf("put %s on %s: %w", addr, l.name, err)
	}
	return nil
}

// Drop takes the address off the interface.
func (l netLink) Drop(addr netip.Addr) error {
	link, a, err := l.address(addr)
	if err != nil {
		return err
	}
	if err := netlink.AddrDel(link, a); err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("take %s off %s: %w", addr, l.name, err)
	}
	return nil
}

// Announce sends a gratuitous ARP request and reply: some neighbours listen to one kind only. The loopback interface
// has no neighbours.
func (l netLink) Announce(addr netip.Addr) error {
	i, err := net.InterfaceByName(l.name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", l.name, err)
	}
	if i.Flags&net.FlagLoopback != 0 {
		return nil
	}
	c, err := arp.Dial(i)
	if err != nil {
		return fmt.Errorf("open ARP on %s: %w", l.name, err)
	}
	defer c.Close()
	for _, op := range []arp.Operation{arp.OperationRequest, arp.OperationReply} {
		p, err := arp.NewPacket(op, i.HardwareAddr, addr, ethernet.Broadcast, addr)
		if err != nil {
			return fmt.Errorf("make ARP packet for %s: %w", addr, err)
		}
		if err := c.WriteTo(p, ethernet.Broadcast); err != nil {
			return fmt.Errorf("announce %s on %s: %w", addr, l.name, err)
		}
	}
	return nil
}
