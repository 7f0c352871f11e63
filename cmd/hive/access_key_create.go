// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccessKeyCreate(a *app) *cobra.Command {
	var req admin.AccessKeyCreateRequest
	cmd := &cobra.Command{
		Use: "create", Short: "Create an access key and print its secret once", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			key, err := client.AccessKeyCreate(a.withTimeout(cmd.Context()), req)
			if err != nil {
				return err
			}
			return printItem(a, "Credentials", key, []column[admin.Credentials]{
				{"Account", false, func(c admin.Credentials) string { return c.Account }},
				{"User", false, func(c admin.Credentials) string { return c.User }},
				{"AccessKeyId", false, func(c admin.Credentials) string { return c.AccessKeyID }},
				{"SecretAccessKey", false, func(c admin.Credentials) string { return c.SecretAccessKey }},
			})
		},
	}
	cmd.Flags().StringVar(&req.Account, "account", "", "account of the user (default: the first one)")
	cmd.Flags().StringVar(&req.User, "user", "", "user the key belongs to (default admin)")
	return cmd
}
