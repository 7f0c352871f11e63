// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newRaftStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show where the log stands on this node", Args: exactArgs(),
		Long: "Show where the log stands on this node, and the newest snapshot that it keeps: the last entry in it, its size and when\n" +
			"this node took it or got it from the leader. Exits with 8 when the region has no leader.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			status, err := client.RaftStatus(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			if err := printItem(a, "RaftStatus", status, raftStatusColumns); err != nil {
				return err
			}
			if status.Leader == "" {
				return admin.Errorf(admin.KindUnhealthy, "hive members shows which nodes are missing", "the region has no leader")
			}
			return nil
		},
	}
}

var raftStatusColumns = []column[admin.RaftStatus]{
	{"State", false, func(s admin.RaftStatus) string { return s.State }},
	{"Leader", false, func(s admin.RaftStatus) string { return s.Leader }},
	{"Term", false, func(s admin.RaftStatus) string { return index(s.Term) }},
	{"Voters", false, func(s admin.RaftStatus) string {
		return strconv.Itoa(s.Voters) + ", " + strconv.Itoa(s.Tolerates) + " may fail"
	}},
	{"Last contact", false, func(s admin.RaftStatus) string { return s.LastContact }},
	{"Last log index", false, func(s admin.RaftStatus) string { return index(s.LastLogIndex) }},
	{"Commit index", false, func(s admin.RaftStatus) string { return index(s.CommitIndex) }},
	{"Applied index", false, func(s admin.RaftStatus) string { return index(s.AppliedIndex) }},
	{"Snapshot", false, func(s admin.RaftStatus) string {
		if s.SnapshotIndex == 0 {
			return "none yet"
		}
		text := index(s.SnapshotIndex) + " of term " + index(s.SnapshotTerm) + ", " + size(s.SnapshotSize)
		if s.SnapshotAt.IsZero() {
			return text
		}
		return text + ", " + ago(s.SnapshotAt)
	}},
	{"Log store", false, func(s admin.RaftStatus) string { return s.LogStore }},
	{"Format level", false, func(s admin.RaftStatus) string { return index(s.FormatLevel) }},
	{"State hash", true, func(s admin.RaftStatus) string {
		if s.StateHash == "" {
			return ""
		}
		return s.StateHash + " at " + index(s.StateHashIndex)
	}},
}

func index(n uint64) string { return strconv.FormatUint(n, 10) }
