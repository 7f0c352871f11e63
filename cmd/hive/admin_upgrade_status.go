// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminUpgradeStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the version of each node and the region format level", Args: exactArgs(),
		Long: "Show the version of each node and the region format level. An upgrade is: install the new version node by node and\n" +
			"restart each agent (guests go on), then hive admin upgrade finalize. Until then every node can go back.",
		Example: "  hive admin upgrade status",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			now, err := client.Upgrade(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			if err := printList(a, "UpgradeNode", now.Nodes, upgradeColumns); err != nil {
				return err
			}
			if now.Newest > now.Level {
				a.note("The region is at format level %d; every node knows %d: hive admin upgrade finalize", now.Level, now.Newest)
				return nil
			}
			a.note("The region is at format level %d", now.Level)
			return nil
		},
	}
}

var upgradeColumns = []column[admin.UpgradeNode]{
	{"NODE", false, func(n admin.UpgradeNode) string { return n.Name }},
	{"ID", true, func(n admin.UpgradeNode) string { return n.ID }},
	{"VERSION", false, func(n admin.UpgradeNode) string { return n.Version }},
	{"KNOWS LEVEL", false, func(n admin.UpgradeNode) string { return strconv.Itoa(n.FormatLevel) }},
	{"LOST", false, func(n admin.UpgradeNode) string {
		if n.Lost {
			return "lost"
		}
		return ""
	}},
}
