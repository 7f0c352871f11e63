// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountSCPList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the service control policies", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			policies, err := client.ControlPolicies(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "ControlPolicy", policies, []column[admin.ControlPolicy]{
				{"POLICY", false, func(p admin.ControlPolicy) string { return p.ID }},
				{"NAME", false, func(p admin.ControlPolicy) string { return p.Name }},
				{"ACCOUNTS", false, func(p admin.ControlPolicy) string { return strings.Join(p.Accounts, " ") }},
				{"DOCUMENT", true, func(p admin.ControlPolicy) string { return p.Document }},
			})
		},
	}
}
