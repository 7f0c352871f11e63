// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountSuspend(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "suspend ACCOUNT", Short: "Refuse every API call of an account", Args: exactArgs("ACCOUNT"),
		Long:    "Refuse every API call of an account, on every node, with the next request. Its instances go on running.",
		Example: "  hive account suspend research",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			account, err := client.AccountStatus(a.withTimeout(cmd.Context()), args[0], admin.AccountStatusRequest{Suspend: true})
			if err != nil {
				return err
			}
			a.note("no node answers an API call of %s any more", account.Name)
			return nil
		},
	}
}
