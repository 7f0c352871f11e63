// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccessKeyDelete(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete ACCESS-KEY", Short: "Delete an access key; requests signed with it fail from then on", Args: exactArgs("ACCESS-KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return admin.Errorf(admin.KindUsage, "repeat the command with --yes", "deleting %s makes every request signed with it fail, and cannot be undone", args[0])
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.AccessKeyDelete(a.withTimeout(cmd.Context()), args[0]); err != nil {
				return err
			}
			a.note("deleted %s", args[0])
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}
