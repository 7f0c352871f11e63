// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminRotations(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rotations", Short: "Show where the rotations of keys and authorities stand", Args: exactArgs(),
		Long: "Show the newest rotation of each kind. A rotation spreads the new secret to every node, then has every node use it,\n" +
			"then has every node forget the old one; each step waits for every member. A node that does not come back holds it\n" +
			"up until it is removed (hive node remove).",
		Example: "  hive admin rotations",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			all, err := client.Rotations(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Rotation", all, []column[admin.Rotation]{
				{"OF", false, func(r admin.Rotation) string { return r.Kind }},
				{"VERSION", false, func(r admin.Rotation) string { return strconv.Itoa(r.Version) }},
				{"PHASE", false, func(r admin.Rotation) string { return r.Phase }},
				{"SINCE", false, func(r admin.Rotation) string { return r.Changed.Format("2006-01-02 15:04:05 UTC") }},
				{"STATE", false, rotationLine},
			})
		},
	}
}
