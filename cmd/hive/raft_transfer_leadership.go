// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newRaftTransferLeadership(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "transfer-leadership [NODE]", Short: "Make another voter lead", Args: atMostOne("NODE"),
		Long:    "Make another voter lead: NODE, or the one whose log is furthest. Writes pause for less than a second.",
		Example: "  hive raft transfer-leadership node2",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			req := admin.TransferRequest{}
			if len(args) > 0 {
				req.Node = args[0]
			}
			leader, err := client.RaftTransfer(a.withTimeout(cmd.Context()), req)
			if err != nil {
				return err
			}
			return printItem(a, "Leader", leader, []column[admin.Leader]{
				{"Leader", false, func(l admin.Leader) string { return l.Node }},
				{"NodeId", true, func(l admin.Leader) string { return l.NodeID }},
			})
		},
	}
}
