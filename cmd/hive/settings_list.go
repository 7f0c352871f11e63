// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newSettingsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the settings of the region", Args: exactArgs(),
		Long:    "List the settings of the region as they take effect; -o wide says what each one means and takes.\nSettings are part of the log: every node follows a change at once.",
		Example: "  hive settings list -o wide",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			all, err := client.Settings(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Setting", all, settingColumns)
		},
	}
}
