// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccessKeyList(a *app) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "List access keys without their secrets", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			keys, err := client.AccessKeys(a.withTimeout(cmd.Context()), account)
			if err != nil {
				return err
			}
			return printList(a, "AccessKey", keys, []column[admin.AccessKey]{
				{"ACCESS-KEY", false, func(k admin.AccessKey) string { return k.ID }},
				{"ACCOUNT", false, func(k admin.AccessKey) string { return k.Account }},
				{"USER", false, func(k admin.AccessKey) string { return k.User }},
				{"STATUS", false, func(k admin.AccessKey) string { return k.Status }},
				{"CREATED", false, func(k admin.AccessKey) string { return ago(k.CreatedAt) }},
			})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "keys of this account only")
	return cmd
}
