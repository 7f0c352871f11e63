// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newNodeDrain(a *app) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use: "drain NODE", Short: "Empty a node: its instances stop or are made anew elsewhere", Args: exactArgs("NODE"),
		Long: "Empty a node. It takes no new work, and each of its instances is shut down by its guest. Those with the\n" +
			"tag hive:recovery=remake are then made anew on another node, with volumes from their image; the others\n" +
			"stay stopped and find their volumes when the node is undrained.\n\n" +
			"The command follows the instances until nothing runs on the node. The drain goes on without it.",
		Example: "  hive node drain node2\n  hive node drain node2 --no-wait",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			return client.NodeDrain(ctx, args[0], admin.DrainRequest{NoWait: noWait}, func(e admin.DrainEvent) {
				switch {
				case e.Instance != "":
					a.note("%s: %s (%d left)", e.Instance, e.Step, e.Left)
				case e.Left > 0:
					a.note("%s (%d left)", e.Step, e.Left)
				default:
					a.note("%s", e.Step)
				}
			})
		},
	}
	a.timeoutDefault(cmd, 10*time.Minute)
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return when the instances have been asked to leave")
	return cmd
}
