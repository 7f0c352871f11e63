// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newUserDelete(a *app) *cobra.Command {
	var account string
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Remove an IAM user with its keys, password, policies and memberships", Args: exactArgs("NAME"),
		Example: "  hive user delete alice --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return admin.Errorf(admin.KindUsage, "hive user delete "+args[0]+" --yes", "this removes the user %s; requests signed with its keys are refused from then on", args[0])
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			gone, err := client.UserDelete(a.withTimeout(cmd.Context()), account, args[0])
			if err != nil {
				return err
			}
			a.note("%s is removed with %s", gone.ARN, plural(gone.Keys, "access key"))
			return nil
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "account, by id or name; the first one by default")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}
