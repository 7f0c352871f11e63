// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountSCPAttach(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "attach POLICY ACCOUNT", Short: "Attach a service control policy to an account", Args: exactArgs("POLICY", "ACCOUNT"),
		Long:    "Attach a service control policy to an account.\nFullAWSAccess is attached to every account until it is detached: then only what the other policies allow is left.",
		Example: "  hive account scp attach no-big-instances research",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			p, err := client.ControlPolicyAttach(a.withTimeout(cmd.Context()), args[0], admin.AttachRequest{Account: args[1], Detach: false})
			if err != nil {
				return err
			}
			a.note("%s is attached to %s", p.Name, args[1])
			return nil
		},
	}
}
