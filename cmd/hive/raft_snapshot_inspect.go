// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/fsm/snapshot"
	"github.com/hivecloud/hive/internal/admin"
)

// snapshotInfo is what hive raft snapshot inspect prints.
type snapshotInfo struct {
	File        string         `json:"file"`
	ClusterID   string         `json:"clusterId"`
	FormatLevel int            `json:"formatLevel"`
	Index       uint64         `json:"index"`
	Time        time.Time      `json:"time"`
	StateHash   string         `json:"stateHash"`
	Rows        map[string]int `json:"rows"` // table -> rows
}

func newRaftSnapshotInspect(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "inspect FILE", Short: "Check a snapshot file and say what it holds", Args: exactArgs("FILE"),
		Long: "Check every checksum of a snapshot file and say what it holds. Needs no agent.",
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return admin.Errorf(admin.KindNotFound, "hive raft snapshot save FILE makes one", "open snapshot: %w", err)
			}
			defer f.Close()
			head, tables, err := snapshot.Inspect(f)
			if err != nil {
				return admin.Errorf(admin.KindFailure, "use another backup: this one cannot be restored", "inspect %s: %w", args[0], err)
			}
			info := snapshotInfo{
				File: args[0], ClusterID: head.ClusterID, FormatLevel: head.FormatLevel, Index: head.Index,
				Time: time.Unix(0, head.Time).UTC(), StateHash: hex.EncodeToString(head.StateHash[:]), Rows: map[string]int{},
			}
			for _, t := range tables {
				info.Rows[t.Table] = t.Rows
			}
			return printItem(a, "Snapshot", info, snapshotColumns(tables))
		},
	}
}

func snapshotColumns(tables []snapshot.TableCount) []column[snapshotInfo] {
	columns := []column[snapshotInfo]{
		{"File", false, func(s snapshotInfo) string { return s.File }},
		{"Cluster", false, func(s snapshotInfo) string { return s.ClusterID }},
		{"Format level", false, func(s snapshotInfo) string { return strconv.Itoa(s.FormatLevel) }},
		{"Index", false, func(s snapshotInfo) string { return index(s.Index) }},
		{"Time", false, func(s snapshotInfo) string { return s.Time.Format(time.RFC3339) }},
		{"State hash", false, func(s snapshotInfo) string { return s.StateHash }},
	}
	for _, t := range tables {
		columns = append(columns, column[snapshotInfo]{"  " + t.Table, t.Rows == 0, func(s snapshotInfo) string { return strconv.Itoa(s.Rows[t.Table]) }})
	}
	return columns
}
