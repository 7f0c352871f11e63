// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountSCPPut(a *app) *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use: "put NAME FILE", Short: "Make a service control policy, or replace its document", Args: exactArgs("NAME", "FILE"),
		Long:    "Make a service control policy of a JSON file (- is standard input), or replace the document of the one with the name.\nIt takes effect with the next request of every account that it is attached to.",
		Example: "  hive account scp put no-big-instances policy.json\n  hive account scp attach no-big-instances research",
		RunE: func(cmd *cobra.Command, args []string) error {
			read := func() ([]byte, error) { return os.ReadFile(args[1]) }
			if args[1] == "-" {
				read = func() ([]byte, error) { return io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<20)) }
			}
			text, err := read()
			if err != nil {
				return admin.Errorf(admin.KindNotFound, "name a file that you may read", "read the policy: %w", err)
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			p, err := client.ControlPolicyPut(a.withTimeout(cmd.Context()), admin.ControlPolicy{Name: args[0], Description: description, Document: string(text)})
			if err != nil {
				return err
			}
			return printControlPolicy(a, p)
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what the policy is for")
	return cmd
}

func printControlPolicy(a *app, p admin.ControlPolicy) error {
	return printItem(a, "ControlPolicy", p, []column[admin.ControlPolicy]{
		{"Policy", false, func(p admin.ControlPolicy) string { return p.ID }},
		{"Name", false, func(p admin.ControlPolicy) string { return p.Name }},
		{"Accounts", false, func(p admin.ControlPolicy) string { return strings.Join(p.Accounts, " ") }},
	})
}
