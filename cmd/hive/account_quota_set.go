// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountQuotaSet(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "set ACCOUNT QUOTA VALUE", Short: "Change a limit of an account", Args: exactArgs("ACCOUNT", "QUOTA", "VALUE"),
		Long:    "Change a limit of an account. VALUE is a number, or default. What the account has already stays.",
		Example: "  hive account quota set research vcpus-standard 64\n  hive account quota set research instances default",
		RunE: func(cmd *cobra.Command, args []string) error {
			req := admin.QuotaSetRequest{Quota: args[1], Reset: args[2] == "default"}
			if !req.Reset {
				n, err := strconv.ParseInt(args[2], 10, 64)
				if err != nil || n < 0 {
					return admin.Errorf(admin.KindUsage, "give a number from 0 on, or default", "%q is no value of a quota", args[2])
				}
				req.Value = n
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			q, err := client.QuotaSet(a.withTimeout(cmd.Context()), args[0], req)
			if err != nil {
				return err
			}
			return printQuota(a, q)
		},
	}
}
