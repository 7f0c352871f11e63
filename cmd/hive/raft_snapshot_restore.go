// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newRaftSnapshotRestore(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Replace the state of the running region by a snapshot's", Args: exactArgs("FILE"),
		Long: "Replace the state of the running region by a snapshot's: everything that was written since is undone, on every\n" +
			"node. Guests are not touched by that; what the older state does not know of them has to be put right by hand.\n" +
			"The snapshot is checked first and must be of this cluster. Runs on the leader.",
		Example: "  hive raft snapshot restore before.snap --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return admin.Errorf(admin.KindNotFound, "hive raft snapshot save FILE makes one", "open snapshot: %w", err)
			}
			defer f.Close()
			info, err := inspectSnapshot(f)
			if err != nil {
				return admin.Errorf(admin.KindFailure, "use another snapshot: this one cannot be restored", "inspect %s: %w", args[0], err)
			}
			if !yes {
				return admin.Errorf(admin.KindUsage, "save the present state with hive raft snapshot save, then repeat the command with --yes",
					"this undoes everything that was written to cluster %s after entry %d of %s", info.ClusterID, info.Index, info.Saved.UTC().Format("2006-01-02 15:04:05 UTC"))
			}
			if _, err := f.Seek(0, 0); err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			did, err := client.SnapshotRestore(a.withTimeout(cmd.Context()), f)
			if err != nil {
				return err
			}
			return printItem(a, "SnapshotRestore", did, []column[admin.Restored]{
				{"Cluster", false, func(r admin.Restored) string { return r.ClusterID }},
				{"Restored", false, func(r admin.Restored) string { return "entry " + index(r.Index) }},
				{"Undone", false, func(r admin.Restored) string {
					return "what came after, up to entry " + index(r.IndexBefore)
				}},
				{"State hash", false, func(r admin.Restored) string { return r.StateHash }},
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	a.timeoutDefault(cmd, tenMinutes)
	return cmd
}
