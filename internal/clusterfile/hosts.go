// SPDX-License-Identifier: Apache-2.0

package clusterfile

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// Domain is the domain of a region's names: nobody else answers for .internal (ICANN board resolution of 2024-07-29).
func Domain(region string) string { return region + ".hive.internal" }

// APIName is the name of a region's API.
func APIName(region string) string { return "api." + Domain(region) }

// Hosts is a hosts(5) file with the members' names and the API's: a hint for a resolver (dnsmasq's addn-hosts, CoreDNS's
// hosts). The API's name has the address that clients use, or, with "", those of all nodes that answer. Members known by name
// only are left out.
func Hosts(f File, region, api string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Region %s, cluster %s, settings of epoch %d. Written by hive agent; changes are overwritten.\n", region, f.ClusterID, f.Epoch)
	for _, m := range f.Members {
		if ip := address(m.Addr); ip != "" {
			name := strings.TrimPrefix(m.NodeID, "n-")
			fmt.Fprintf(&b, "%s\t%s.%s %s\n", ip, name, Domain(region), name)
		}
	}
	apis := []string{api}
	if api == "" {
		apis = nil
		for _, e := range f.Services.EC2.Endpoints {
			if ip := address(e); ip != "" && !slices.Contains(apis, ip) {
				apis = append(apis, ip)
			}
		}
	}
	for _, ip := range apis {
		fmt.Fprintf(&b, "%s\t%s\n", ip, APIName(region))
	}
	return []byte(b.String())
}

// address is the IP address of a host:port, or "".
func address(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil || net.ParseIP(host) == nil {
		return ""
	}
	return host
}
