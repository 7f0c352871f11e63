// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newTokenList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List join tokens without their secrets", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			tokens, err := client.Tokens(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "JoinToken", tokens, tokenColumns)
		},
	}
}
