// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newNodeUndrain(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "undrain NODE", Short: "Give a drained node work again; what has left does not come back by itself", Args: exactArgs("NODE"),
		Example: "  hive node undrain node2",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			node, err := client.NodeUndrain(a.withTimeout(cmd.Context()), args[0])
			if err != nil {
				return err
			}
			a.note("%s is %s", node.Node, node.State)
			return nil
		},
	}
}
