// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newUserList(a *app) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "List IAM users", Args: exactArgs(),
		Example: "  hive user list --account research",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			users, err := client.Users(a.withTimeout(cmd.Context()), account)
			if err != nil {
				return err
			}
			return printList(a, "User", users, userColumns)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "account, by id or name; all by default")
	return cmd
}
