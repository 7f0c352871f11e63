// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
)

func newBackupInspect(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "inspect FILE", Short: "Check a backup and say what it holds", Args: exactArgs("FILE"),
		Long: "Read a backup to its end, check every checksum and the hash of the state, and say what it holds. Needs neither\nan agent nor the passphrase.",
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := agent.InspectBackup(args[0])
			if err != nil {
				return err
			}
			return printItem(a, "Backup", info, backupColumns)
		},
	}
}
