// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountResume(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "resume ACCOUNT", Short: "Answer the API calls of a suspended account again", Args: exactArgs("ACCOUNT"),
		Long:    "Answer the API calls of a suspended account again.",
		Example: "  hive account resume research",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			account, err := client.AccountStatus(a.withTimeout(cmd.Context()), args[0], admin.AccountStatusRequest{Suspend: false})
			if err != nil {
				return err
			}
			a.note("API calls of %s are answered again", account.Name)
			return nil
		},
	}
}
