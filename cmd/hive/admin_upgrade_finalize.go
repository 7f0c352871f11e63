// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminUpgradeFinalize(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "finalize", Short: "Raise the region format level to what every node knows", Args: exactArgs(),
		Long: "Raise the region format level to the newest that every node knows: from then on the region may hold what older\n" +
			"versions cannot read, and no node can go back to one. Refused while a node runs an older version.",
		Example: "  hive admin upgrade finalize --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			ctx := a.withTimeout(cmd.Context())
			now, err := client.Upgrade(ctx)
			if err != nil {
				return err
			}
			if now.Newest > now.Level && !yes {
				return admin.Errorf(admin.KindUsage, "hive admin upgrade finalize --yes", "this raises the region from format level %d to %d; no node can go back to an older version afterwards", now.Level, now.Newest)
			}
			after, err := client.UpgradeFinalize(ctx)
			if err != nil {
				return err
			}
			a.note("The region is at format level %d", after.Level)
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}
