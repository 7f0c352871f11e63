// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net"
	"net/netip"

	"github.com/hivecloud/hive/internal/config"
)

// advertise is the host:port under which other nodes reach a port of this machine that is bound at bound. A port that
// is bound everywhere is reached at listen.advertise, or at the address from which this machine reaches the others
// (local), or at its first global one.
func advertise(c *config.Config, bound string, local net.IP) string {
	host, port, err := net.SplitHostPort(bound)
	if err != nil {
		return bound
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return bound
	}
	switch {
	case c.Listen.Advertise != "":
		host = c.Listen.Advertise
	case local != nil:
		host = local.String()
	default:
		host = firstGlobal(c.Network.VirtualIP)
	}
	return net.JoinHostPort(host, port)
}

// firstGlobal is the machine's first IPv4 address that others may reach, or loopback. The region's virtual address moves
// on, so it is nobody's.
func firstGlobal(virtual netip.Addr) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil && n.IP.String() != virtual.String() {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// toward is the address of this machine from which it would reach one of the others. Nothing is sent.
func toward(others []string) net.IP {
	for _, address := range others {
		c, err := net.Dial("udp", address)
		if err != nil {
			continue
		}
		local := c.LocalAddr().(*net.UDPAddr).IP
		if err := c.Close(); err != nil || local.IsUnspecified() {
			continue
		}
		return local
	}
	return nil
}
