// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"slices"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/vip"
)

// holdVirtualIP keeps the region's virtual address on this node for as long as it leads. A leader that does not answer
// the API leaves the address unheld: clients then use the nodes' own addresses.
func (a *Agent) holdVirtualIP(ctx context.Context) error {
	n := a.config.Network
	if !n.VirtualIP.IsValid() {
		return nil
	}
	name := n.VirtualIPInterface
	if name == "" {
		var err error
		if name, err = vip.Find(n.VirtualIP); err != nil {
			return admin.Errorf(admin.KindConflict, "choose an address of a network of this machine, or name network.virtual_ip_interface", "network.virtual_ip: %w", err)
		}
	}
	h, err := vip.New(vip.Config{Addr: n.VirtualIP, Link: vip.Interface(name), Leaving: func() { a.callers.Leave(vip.Parting) }, Logger: a.options.Logger})
	if err != nil {
		return err
	}
	if !slices.Contains(a.config.Node.Caps, "api") {
		a.log.Warn("this node never takes the virtual address, because it does not answer the API", "address", n.VirtualIP)
		return nil
	}
	return a.truth.node.WhileLeader(ctx, h.Run)
}
