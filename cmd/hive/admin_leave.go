// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminLeave(a *app) *cobra.Command {
	var yes, force bool
	cmd := &cobra.Command{
		Use: "leave", Short: "Have this node leave its region for good", Args: exactArgs(),
		Long: "Have this node leave its region for good. Its instances are drained (see hive node drain), another node takes over its\n" +
			"vote, the region forgets it, and the agent ends. Its id is not used again; the machine can come back as a new node\n" +
			"only: hive admin uninstall, then hive admin join.\n\n" +
			"A node that holds instances, volumes or the only copy of a snapshot does not leave, unless with --force: then they are\n" +
			"lost to the region. Without --yes the command says what would happen and does nothing.",
		Example: "  hive admin leave\n  hive admin leave --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			if !yes {
				self, err := client.Status(ctx)
				if err != nil {
					return err
				}
				if self.Nodes == 1 {
					return admin.Errorf(admin.KindConflict, "hive admin uninstall ends the region with it", "this is the only node of its region")
				}
				removal, err := client.NodeRemoval(ctx, self.NodeID)
				if err != nil {
					return err
				}
				return admin.Errorf(admin.KindUsage, removeNext(removal, force), "leaving cannot be undone; %s after its instances are drained: %s", removal.Node, consequence(removal))
			}
			if err := client.Leave(ctx, admin.LeaveRequest{Force: force}, func(e admin.ShutdownEvent) { a.note("%s", e.Step) }); err != nil {
				return err
			}
			a.note("\nNext:  hive admin uninstall  removes what is left on this machine")
			return nil
		},
	}
	a.timeoutDefault(cmd, 10*time.Minute)
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&force, "force", false, "even if instances, volumes or snapshots are lost with the node")
	return cmd
}
