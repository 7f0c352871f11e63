// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAccountSCPDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete POLICY", Short: "Delete a service control policy that is attached to no account", Args: exactArgs("POLICY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if err := client.ControlPolicyDelete(a.withTimeout(cmd.Context()), args[0]); err != nil {
				return err
			}
			a.note("deleted %s", args[0])
			return nil
		},
	}
}
