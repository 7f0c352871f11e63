// SPDX-License-Identifier: Apache-2.0

package beacon

import (
	"fmt"
	"net"
	"net/netip"
)

// links are the interfaces that are up and take multicast. Loopback counts: Linux does not say so of it, and it does.
func links() ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var out []net.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&(net.FlagMulticast|net.FlagLoopback) != 0 {
			out = append(out, i)
		}
	}
	return out, nil
}

// reaching are the links on which a port that is bound at host can be reached: all of them for one that is bound
// everywhere, otherwise the one that has the address. On other links a member keeps quiet.
func reaching(host netip.Addr) ([]net.Interface, error) {
	all, err := links()
	if err != nil || !host.IsValid() || host.IsUnspecified() {
		return all, err
	}
	var out []net.Interface
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			continue // gone since it was listed
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && has(i, p, host.Unmap().WithZone("")) {
				out = append(out, i)
				break
			}
		}
	}
	return out, nil
}

// has tells whether an address of an interface is host. All of 127.0.0.0/8 is on loopback.
func has(i net.Interface, p netip.Prefix, host netip.Addr) bool {
	return p.Addr() == host || i.Flags&net.FlagLoopback != 0 && p.Contains(host)
}
