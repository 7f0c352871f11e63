// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func newNodeSetCapabilities(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "set-capabilities NODE CAPABILITIES", Short: "Choose what a node does, in the place of its configuration", Args: exactArgs("NODE", "CAPABILITIES"),
		Long: "Choose what a node does: a list of api, ebs, ec2, raft, s3 and vpc, with commas. It outweighs the node's\n" +
			"own configuration from then on. Placement follows at once; services of the node follow when its agent\n" +
			"starts the next time. Instances that run there go on.",
		Example: "  hive node set-capabilities node2 api,raft",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			node, err := client.NodeCapabilities(a.withTimeout(cmd.Context()), args[0], strings.FieldsFunc(args[1], func(r rune) bool { return r == ',' || r == ' ' }))
			if err != nil {
				return err
			}
			a.note("%s has the capabilities %s", node.Node, strings.Join(node.Caps, ", "))
			return nil
		},
	}
}
