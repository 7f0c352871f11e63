// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newNodeUncordon(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "uncordon NODE", Short: "Give a cordoned node work again", Args: exactArgs("NODE"),
		Example: "  hive node uncordon node2",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			node, err := client.NodeCordon(a.withTimeout(cmd.Context()), args[0], false)
			if err != nil {
				return err
			}
			a.note("%s is %s", node.Node, node.State)
			return nil
		},
	}
}
