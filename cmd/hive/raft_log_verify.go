// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
)

func newRaftLogVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check every entry of this stopped node's log and replay it", Args: exactArgs(),
		Long: "Check the checksum of every entry of this stopped node's log, replay it from the newest snapshot and print the\n" +
			"hash of the state. Nodes that applied the same entries have the same hash (hive raft status prints it). Changes\n" +
			"nothing. The last entries may be ones that no majority ever had.",
		Example: "  hive raft log verify --data-dir /var/lib/hive",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			found, err := agent.VerifyLog(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return printItem(a, "LogCheck", found, logCheckColumns)
		},
	}
}

var logCheckColumns = []column[agent.LogCheck]{
	{"Cluster", false, func(l agent.LogCheck) string { return l.ClusterID }},
	{"Entries", false, func(l agent.LogCheck) string {
		return fmt.Sprintf("%d to %d in %s, %d of them commands, all checksums right", l.FirstIndex, l.LastIndex, l.Log, l.Commands)
	}},
	{"Snapshot", false, func(l agent.LogCheck) string {
		if l.Snapshot == 0 {
			return "none"
		}
		return "entry " + index(l.Snapshot)
	}},
	{"Replayed", false, func(l agent.LogCheck) string { return plural(int(l.Replayed), "command") }},
	{"Index", false, func(l agent.LogCheck) string { return index(l.Applied) }},
	{"State hash", false, func(l agent.LogCheck) string { return l.StateHash }},
}
