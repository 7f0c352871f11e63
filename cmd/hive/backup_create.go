// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
)

func newBackupCreate(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "create FILE", Short: "Write everything that makes the region again into one file", Args: exactArgs("FILE"),
		Long: "Write a snapshot of the region's state, the authorities and the cluster key into one file. The keys are\n" +
			"sealed with a passphrase of 12 bytes or more: without it nobody can use the backup. The file appears under\n" +
			"its name only when it is complete, read back and on disk. The bytes of volumes and snapshots are not in it.\n" + passphraseHelp,
		Example: "  hive backup create /mnt/safe/region.backup\n  hive backup create region.backup --passphrase-file /etc/hive/backup.passphrase",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			passphrase, err := a.passphrase(file, true)
			if err != nil {
				return err
			}
			info, err := agent.CreateBackup(a.withTimeout(cmd.Context()), cfg, client, version, args[0], passphrase)
			if err != nil {
				return err
			}
			if err := printItem(a, "Backup", info, backupColumns); err != nil {
				return err
			}
			a.note("\nKeep the passphrase elsewhere. Next:  hive backup restore %s, on an empty machine", args[0])
			return nil
		},
	}
	a.timeoutDefault(cmd, tenMinutes)
	addPassphraseFlag(cmd, &file)
	return cmd
}
