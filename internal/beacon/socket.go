// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Port is the UDP port of members. It is one for all clusters: a joiner knows no other, and members of several clusters
// on one machine share it.
const Port = 8445

var (
	group4 = netip.MustParseAddr("239.255.72.86")
	group6 = netip.MustParseAddr("ff12::8000:4856")
)

// Groups are where questions go, for messages to people.
func Groups() string { return fmt.Sprintf("%s and %s, UDP port %d", group4, group6, Port) }

// largest is more than any message: what fills it is none.
const largest = 256

// received is one datagram.
type received struct {
	body  []byte
	from  netip.AddrPort
	index int  // of the interface it came by
	group bool // sent to the group and not to this machine alone
}

// family is the part of a socket that differs between IPv4 and IPv6.
type family struct {
	network string
	group   netip.Addr
	conn    net.PacketConn
	join    func(*net.Interface) error
	leave   func(*net.Interface) error
	read    func([]byte) (n, index int, dst net.IP, from net.Addr, err error)
	write   func(b []byte, index int, to net.Addr) error
}

// listen4 opens an IPv4 socket on a port, 0 for any. Datagrams that it sends end at the first router.
func listen4(port int) (*family, error) {
	// A multicast address makes Go share the port; the socket hears every address all the same.
	at := netip.AddrPortFrom(group4, uint16(port))
	if port == 0 {
		at = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	c, err := net.ListenPacket("udp4", at.String())
	if err != nil {
		return nil, fmt.Errorf("listen for searches: %w", err)
	}
	p := ipv4.NewPacketConn(c)
	err = errors.Join(p.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true), p.SetTTL(1), p.SetMulticastTTL(1), p.SetMulticastLoopback(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up IPv4 multicast: %w", err), c.Close())
	}
	group := &net.UDPAddr{IP: group4.AsSlice()}
	return &family{
		network: "IPv4", group: group4, conn: c,
		join:  func(i *net.Interface) error { return p.JoinGroup(i, group) },
		leave: func(i *net.Interface) error { return p.LeaveGroup(i, group) },
		read: func(b []byte) (int, int, net.IP, net.Addr, error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm == nil {
				cm = &ipv4.ControlMessage{}
			}
			return n, cm.IfIndex, cm.Dst, from, err
		},
		write: func(b []byte, index int, to net.Addr) error {
			_, err := p.WriteTo(b, &ipv4.ControlMessage{IfIndex: index}, to)
			return err
		},
	}, nil
}

// listen6 is listen4 for IPv6.
func listen6(port int) (*family, error) {
	at := netip.AddrPortFrom(group6, uint16(port))
	if port == 0 {
		at = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	c, err := net.ListenPacket("udp6", at.String())
	if err != nil {
		return nil, fmt.Errorf("listen for searches: %w", err)
	}
	p := ipv6.NewPacketConn(c)
	err = errors.Join(p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true), p.SetHopLimit(1), p.SetMulticastHopLimit(1), p.SetMulticastLoopback(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up IPv6 multicast: %w", err), c.Close())
	}
	group := &net.UDPAddr{IP: group6.AsSlice()}
	return &family{
		network: "IPv6", group: group6, conn: c,
		join:  func(i *net.Interface) error { return p.JoinGroup(i, group) },
		leave: func(i *net.Interface) error { return p.LeaveGroup(i, group) },
		read: func(b []byte) (int, int, net.IP, net.Addr, error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm == nil {
				cm = &ipv6.ControlMessage{}
			}
			return n, cm.IfIndex, cm.Dst, from, err
		},
		write: func(b []byte, index int, to net.Addr) error {
			_, err := p.WriteTo(b, &ipv6.ControlMessage{IfIndex: index}, to)
			return err
		},
	}, nil
}

// listen opens a socket for each family that the machine has; it fails when there is none.
func listen(port int) ([]*family, error) {
	four, err4 := listen4(port)
	six, err6 := listen6(port)
	all := slices.DeleteFunc([]*family{four, six}, func(f *family) bool { return f == nil })
	if len(all) == 0 {
		return nil, errors.Join(err4, err6)
	}
	return all, nil
}

func closeAll(all []*family) {
	for _, f := range all {
		_ = f.conn.Close() // nothing is buffered
	}
}

// receive waits for a datagram. An error means that the socket is of no more use.
func (f *family) receive(buf []byte) (received, error) {
	n, index, dst, from, err := f.read(buf)
	if err != nil {
		return received{}, err
	}
	udp, ok := from.(*net.UDPAddr)
	if !ok {
		return received{}, fmt.Errorf("datagram from %T", from)
	}
	at := udp.AddrPort()
	return received{body: buf[:n], from: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), index: index, group: dst.IsMulticast()}, nil
}

// ask sends a question to the group by an interface.
func (f *family) ask(b []byte, i *net.Interface) error {
	return f.write(b, i.Index, net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.group, Port)))
}
