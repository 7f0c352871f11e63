// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountQuotaGet(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "get ACCOUNT QUOTA", Short: "Show one limit of an account", Args: exactArgs("ACCOUNT", "QUOTA"),
		Example: "  hive account quota get research vcpus-standard",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			quotas, err := client.Quotas(a.withTimeout(cmd.Context()), args[0])
			if err != nil {
				return err
			}
			for _, q := range quotas {
				if q.Name == args[1] || q.Code == args[1] {
					return printQuota(a, q)
				}
			}
			return admin.Errorf(admin.KindNotFound, "hive account quota list shows the quotas", "there is no quota %s", args[1])
		},
	}
}

func printQuota(a *app, q admin.Quota) error {
	return printItem(a, "Quota", q, []column[admin.Quota]{
		{"Quota", false, func(q admin.Quota) string { return q.Name }},
		{"Description", false, func(q admin.Quota) string { return q.Title }},
		{"Value", false, func(q admin.Quota) string { return quotaValue(q.Value) }},
		{"Default", false, func(q admin.Quota) string { return quotaValue(q.Default) }},
		{"Service", false, func(q admin.Quota) string { return q.Service }},
		{"Code", false, func(q admin.Quota) string { return q.Code }},
	})
}
