// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
)

func newRaftRecover(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "recover", Short: "Make this stopped node the only voter, when the others are lost for good", Args: exactArgs(),
		Long: "Make this stopped node the only voter of its region, after a majority of the voters was lost for good. Everything\n" +
			"in its log is kept. If another voter is alive or comes back, the region splits into two that both answer:\n" +
			"the command says which voters there are and wants --yes. It refuses while an agent runs, and where there is\n" +
			"nothing to recover.",
		Example: "  hive raft recover --data-dir /var/lib/hive",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			did, err := agent.RecoverLog(cfg, yes)
			if err != nil {
				return err
			}
			if err := printItem(a, "Recovery", did, recoveryColumns); err != nil {
				return err
			}
			a.note("\nNext:  hive agent --data-dir %s; other nodes join again with empty data directories", cfg.Node.DataDir)
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it: the other voters never run again")
	return cmd
}

var recoveryColumns = []column[agent.Recovered]{
	{"Node", false, func(r agent.Recovered) string { return r.Node + ", now the only voter of " + r.ClusterID }},
	{"Voters before", false, func(r agent.Recovered) string { return strings.Join(r.Voters, ", ") }},
	{"Index", false, func(r agent.Recovered) string { return index(r.Index) }},
	{"State hash", false, func(r agent.Recovered) string { return r.StateHash }},
}
