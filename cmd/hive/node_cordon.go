// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newNodeCordon(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "cordon NODE", Short: "Give a node no new work; what runs there goes on", Args: exactArgs("NODE"),
		Example: "  hive node cordon node2",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			node, err := client.NodeCordon(a.withTimeout(cmd.Context()), args[0], true)
			if err != nil {
				return err
			}
			a.note("%s gets no new work; %s", node.Node, goOn(node.Instances))
			return nil
		},
	}
}

// goOn says how many instances stay as they are.
func goOn(n int) string {
	if n == 1 {
		return "1 instance goes on"
	}
	return plural(n, "instance") + " go on"
}
