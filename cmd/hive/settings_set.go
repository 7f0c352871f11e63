// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newSettingsSet(a *app) *cobra.Command {
	var reset bool
	cmd := &cobra.Command{
		Use: "set KEY VALUE", Short: "Change a setting of the region",
		Long: "Change a setting of the region. An unknown key or a value that the setting does not take is refused by the\n" +
			"region's log. --reset gives the setting its default again; VALUE is then left out.",
		Example: "  hive settings set quota.vcpus 64\n  hive settings set region.zones us-east-1a,us-east-1b\n  hive settings set quota.vcpus --reset",
		Args: func(cmd *cobra.Command, args []string) error {
			if reset {
				return exactArgs("KEY")(cmd, args)
			}
			return exactArgs("KEY", "VALUE")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			req := admin.SettingSetRequest{Key: args[0], Reset: reset}
			if !reset {
				req.Value = args[1]
			}
			now, err := client.SettingSet(a.withTimeout(cmd.Context()), req)
			if err != nil {
				return err
			}
			a.note("%s is %s", now.Key, now.Value)
			return nil
		},
	}
	cmd.Flags().BoolVar(&reset, "reset", false, "give the setting its default again")
	return cmd
}
