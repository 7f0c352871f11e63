// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountCreate(a *app) *cobra.Command {
	var email string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create an account with its first access key", Args: exactArgs("NAME"),
		Long:    "Create an account with a default VPC and the first access key of its user admin.\nThe secret is printed once; no command shows it again.",
		Example: "  hive account create research --email ada@example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			created, err := client.AccountCreate(a.withTimeout(cmd.Context()), admin.AccountCreateRequest{Name: args[0], Email: email})
			if err != nil {
				return err
			}
			return printItem(a, "NewAccount", created, []column[admin.NewAccount]{
				{"Account", false, func(n admin.NewAccount) string { return n.Account.ID }},
				{"Name", false, func(n admin.NewAccount) string { return n.Account.Name }},
				{"User", false, func(n admin.NewAccount) string { return n.Credentials.User }},
				{"AccessKeyId", false, func(n admin.NewAccount) string { return n.Credentials.AccessKeyID }},
				{"SecretAccessKey", false, func(n admin.NewAccount) string { return n.Credentials.SecretAccessKey }},
			})
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "address of the account's owner")
	return cmd
}
