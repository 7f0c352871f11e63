// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAccountDelete(a *app) *cobra.Command {
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use: "delete ACCOUNT", Short: "Delete a suspended account with everything that it owns", Args: exactArgs("ACCOUNT"),
		Long: "Delete a suspended account with everything that it owns, in steps: the account is marked, its instances are\n" +
			"terminated, and when they and their volumes are gone, everything else is forgotten at once. The command waits for\n" +
			"it; when it is interrupted, repeat it. With --dry-run it lists what would go and changes nothing.",
		Example: "  hive account delete research --dry-run\n  hive account suspend research && hive account delete research --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if dryRun || !yes {
				h, err := client.AccountHoldings(a.withTimeout(cmd.Context()), args[0])
				if err != nil {
					return err
				}
				if err := printHoldings(a, h); err != nil || dryRun {
					return err
				}
				return admin.Errorf(admin.KindUsage, "repeat the command with --yes", "deleting the account %s and all of the above cannot be undone", h.Account)
			}
			ctx := a.withTimeout(cmd.Context())
			id := args[0]
			for {
				left, err := client.AccountDelete(ctx, id)
				if err != nil {
					return err
				}
				if left.Gone {
					a.note("deleted the account %s", left.Account)
					return nil
				}
				id = left.Account
				select {
				case <-ctx.Done():
					return admin.Errorf(admin.KindUnavailable, "repeat the command", "the account %s still has %s", id, held(left))
				case <-time.After(500 * time.Millisecond):
				}
			}
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "list what would go and change nothing")
	return cmd
}

func printHoldings(a *app, h admin.Holdings) error {
	return printList(a, "Holding", h.Things, []column[admin.Holding]{
		{"WHAT", false, func(t admin.Holding) string { return t.Kind }},
		{"COUNT", false, func(t admin.Holding) string { return strconv.Itoa(t.Count) }},
		{"IDS", false, func(t admin.Holding) string { return strings.Join(t.IDs, " ") }},
	})
}

// held says what keeps an account from going.
func held(h admin.Holdings) string {
	var words []string
	for _, t := range h.Things {
		if t.Kind == "instances" || t.Kind == "volumes" {
			words = append(words, strconv.Itoa(t.Count)+" "+t.Kind)
		}
	}
	return strings.Join(words, " and ")
}
