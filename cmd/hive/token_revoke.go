// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newTokenRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revoke TOKEN-ID", Short: "End a join token; nodes that it admitted stay", Args: exactArgs("TOKEN-ID"),
		Example: "  hive admin token revoke jt-0a1b2c3d",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.TokenRevoke(a.withTimeout(cmd.Context()), args[0]); err != nil {
				return err
			}
			a.note("revoked %s", args[0])
			return nil
		},
	}
}
