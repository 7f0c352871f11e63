// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newRaftRemovePeer(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove-peer NODE", Short: "Take a node out of the region's log for good", Args: exactArgs("NODE"),
		Long: "Take a node, by name or id, out of the log's configuration. The node does not come back by itself: its agent\n" +
			"is refused, and the machine has to join again with a new token and an empty data directory.",
		Example: "  hive raft remove-peer node3 --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			ctx := a.withTimeout(cmd.Context())
			peers, err := client.RaftPeers(ctx)
			if err != nil {
				return err
			}
			what, err := removal(peers, args[0])
			if err != nil {
				return err
			}
			if !yes {
				return admin.Errorf(admin.KindUsage, "repeat the command with --yes", "%s", what)
			}
			if err := client.RaftRemove(ctx, args[0]); err != nil {
				return err
			}
			a.note("%s", what)
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// removal says what removing a node means for the region.
func removal(peers []admin.RaftPeer, node string) (string, error) {
	voters, found := 0, -1
	for i, p := range peers {
		if p.Suffrage == "voter" {
			voters++
		}
		if p.Node == node || p.NodeID == node {
			found = i
		}
	}
	switch {
	case found < 0:
		return "", admin.Errorf(admin.KindNotFound, "hive raft list-peers shows the servers", "no server of the log has the name or id %s", node)
	case peers[found].Suffrage != "voter":
		return fmt.Sprintf("removing %s takes its copy of the log away; it is a learner, so the %s stay", node, plural(voters, "voter")), nil
	case voters == 1:
		return "", admin.Errorf(admin.KindConflict, "make another node a voter first", "%s is the last voter of the region", node)
	}
	return fmt.Sprintf("removing %s leaves %d of %s; the region then survives the loss of %d of them instead of %d, until another node votes in its place",
		node, voters-1, plural(voters, "voter"), (voters-2)/2, (voters-1)/2), nil
}
