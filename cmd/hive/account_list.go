// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List accounts", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			accounts, err := client.Accounts(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Account", accounts, []column[admin.Account]{
				{"ACCOUNT", false, func(c admin.Account) string { return c.ID }},
				{"NAME", false, func(c admin.Account) string { return c.Name }},
				{"STATUS", false, func(c admin.Account) string { return c.Status }},
				{"INSTANCES", false, func(c admin.Account) string { return strconv.Itoa(c.Instances) }},
				{"CREATED", false, func(c admin.Account) string { return ago(c.CreatedAt) }},
				{"EMAIL", true, func(c admin.Account) string { return c.Email }},
			})
		},
	}
}
