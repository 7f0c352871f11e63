// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/vip"
)

// holdVirtualIP keeps the region's virtual address on this node for as long as it leads and answers the API. A node that
// does not is not to vote where there is such an address (seats).
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
	return a.while(ctx, a.answersAPI, func(ctx context.Context) error { return a.truth.node.WhileLeader(ctx, h.Run) })
}
