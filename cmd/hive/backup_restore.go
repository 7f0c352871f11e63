// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
)

const tenMinutes = 10 * time.Minute

func newBackupRestore(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make the region of a backup again in an empty data directory", Args: exactArgs("FILE"),
		Long: "Make the region of a backup again in an empty data directory, with this node as its only voter. The whole\n" +
			"file is checked first, and the restored state must have the hash that the backup had. Region, zone and node\n" +
			"name are the backup's unless flags say otherwise. Instances that ran are stopped: copy the volumes back\n" +
			"before you start one, for a start fails while the bytes of a volume are missing. The old nodes must not run again.\n" + passphraseHelp,
		Example: "  hive backup restore region.backup --data-dir /var/lib/hive",
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("timeout") {
			a.timeout = tenMinutes
		}
		info, err := agent.InspectBackup(args[0])
		if err != nil {
			return err
		}
		for flag, value := range map[string]string{"region": info.Region, "az": info.AZ, "node": info.Node} {
			if !cmd.Flags().Changed(flag) {
				if err := cmd.Flags().Set(flag, value); err != nil {
					return err
				}
			}
		}
		return a.restoreBackup(cmd, args[0], file)
	}
	a.addConfigFlags(cmd)
	addPassphraseFlag(cmd, &file)
	return cmd
}

func (a *app) restoreBackup(cmd *cobra.Command, path, passphraseFile string) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	passphrase, err := a.passphrase(passphraseFile, false)
	if err != nil {
		return err
	}
	did, err := agent.RestoreBackup(a.withTimeout(cmd.Context()), cfg, path, passphrase)
	if err != nil {
		return err
	}
	if err := keepConfig(cfg); err != nil {
		return err
	}
	if err := printItem(a, "Restore", did, restoreColumns); err != nil {
		return err
	}
	if did.Volumes > 0 {
		a.note("\nThe bytes of volumes and snapshots are not in a backup: copy %s back before you start an instance.", cfg.Block.DataDir)
	}
	if did.Nodes > 1 {
		a.note("The state names %s; the others have to join again with empty directories.", plural(did.Nodes, "node"))
	}
	a.note("\nNext:  hive agent --data-dir %s", cfg.Node.DataDir)
	return nil
}

var restoreColumns = append(liftColumns(backupColumns, func(r agent.RestoreResult) agent.BackupInfo { return r.BackupInfo }),
	column[agent.RestoreResult]{"Restored", false, func(r agent.RestoreResult) string {
		return "into " + r.DataDir + " as " + r.NodeID + "; the state has the hash of the backup"
	}},
	column[agent.RestoreResult]{"Stopped", false, func(r agent.RestoreResult) string { return strings.Join(r.Stopped, " ") }},
)

// liftColumns makes columns of a part columns of the whole.
func liftColumns[T, U any](columns []column[T], part func(U) T) []column[U] {
	var out []column[U]
	for _, c := range columns {
		out = append(out, column[U]{c.name, c.wide, func(u U) string { return c.cell(part(u)) }})
	}
	return out
}
