// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountQuotaList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list ACCOUNT", Short: "List the limits of an account", Args: exactArgs("ACCOUNT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			quotas, err := client.Quotas(a.withTimeout(cmd.Context()), args[0])
			if err != nil {
				return err
			}
			return printList(a, "Quota", quotas, []column[admin.Quota]{
				{"QUOTA", false, func(q admin.Quota) string { return q.Name }},
				{"VALUE", false, func(q admin.Quota) string { return quotaValue(q.Value) }},
				{"DEFAULT", false, func(q admin.Quota) string { return quotaValue(q.Default) }},
				{"CODE", false, func(q admin.Quota) string { return q.Code }},
				{"DESCRIPTION", true, func(q admin.Quota) string { return q.Title }},
			})
		},
	}
}

// quotaValue is a quota for people.
func quotaValue(n int64) string {
	if n < 0 {
		return "unlimited"
	}
	return strconv.FormatInt(n, 10)
}
