// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newSettingsGet(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "get [KEY]", Short: "Show one setting of the region, or all of them",
		Example: "  hive settings get quota.vcpus\n  hive settings get quota.vcpus -o template={{.value}}",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return admin.Errorf(admin.KindUsage, cmd.CommandPath()+" --help shows an example", "%q is one argument too many: %s", args[1], cmd.UseLine())
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			all, err := client.Settings(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return printList(a, "Setting", all, settingColumns)
			}
			one, err := findSetting(all, args[0])
			if err != nil {
				return err
			}
			return printItem(a, "Setting", one, settingLines)
		},
	}
}
