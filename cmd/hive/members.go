// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newMembers(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "members", Short: "Show every node as gossip, log and lease see it", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			members, err := client.Members(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Member", members, memberColumns)
		},
	}
}

var memberColumns = []column[admin.Member]{
	{"NODE", false, func(m admin.Member) string {
		if m.Self {
			return m.Node + " (this)"
		}
		return m.Node
	}},
	{"GOSSIP", false, func(m admin.Member) string { return m.Gossip }},
	{"RAFT", false, func(m admin.Member) string { return m.Raft }},
	{"LEASE", false, func(m admin.Member) string { return lease(m.Lease) }},
	{"CAPS", false, func(m admin.Member) string { return strings.Join(m.Caps, ",") }},
	{"VERSION", false, func(m admin.Member) string { return m.Version }},
	{"ADDRESS", true, func(m admin.Member) string { return m.Address }},
	{"NODE-ID", true, func(m admin.Member) string { return m.NodeID }},
}

// lease prints how long a node's lease still holds.
func lease(end time.Time) string {
	if end.IsZero() {
		return "none"
	}
	if left := time.Until(end); left > 0 {
		return left.Round(time.Second).String()
	}
	return "expired"
}
