// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newTokenCreate(a *app) *cobra.Command {
	var req admin.JoinTokenRequest
	var ttl time.Duration
	cmd := &cobra.Command{
		Use: "create", Short: "Make a join token and print it once", Args: exactArgs(),
		Long: "Make a join token. It pins the cluster's authority, names the members and holds a secret: whoever has it\n" +
			"can add a machine to the cluster until it expires, is used up or is revoked.",
		Example: "  hive admin token create --uses 2 --ttl 30m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if req.Uses < 1 || req.Uses > 64 || ttl < time.Second || ttl > 7*24*time.Hour {
				return admin.Errorf(admin.KindUsage, "give --uses 1 to 64 and --ttl up to 168h", "a token admits 1 to 64 nodes and lasts up to seven days")
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			req.TTLSeconds = int(ttl / time.Second)
			made, err := client.TokenCreate(a.withTimeout(cmd.Context()), req)
			if err != nil {
				return err
			}
			if err := printItem(a, "JoinToken", made, []column[admin.NewJoinToken]{
				{"Token", false, func(t admin.NewJoinToken) string { return t.Token }},
				{"Id", false, func(t admin.NewJoinToken) string { return t.JoinToken.ID }},
				{"Expires", false, func(t admin.NewJoinToken) string { return t.JoinToken.ExpiresAt.Format("2006-01-02 15:04:05 UTC") }},
			}); err != nil {
				return err
			}
			a.note("\nNext, on the new machine:  hive admin join TOKEN --node NAME --data-dir DIR")
			return nil
		},
	}
	cmd.Flags().IntVar(&req.Uses, "uses", 1, "how many nodes it admits")
	cmd.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long it lasts, at most 168h")
	cmd.Flags().StringVar(&req.Note, "note", "", "words for yourself, shown by list")
	return cmd
}
