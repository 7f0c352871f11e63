// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/fsm/snapshot"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/raftnode"
)

// snapshotInfo is what hive raft snapshot inspect prints.
type snapshotInfo struct {
	File        string         `json:"file"`
	Node        string         `json:"node"` // that saved it
	Saved       time.Time      `json:"saved"`
	ClusterID   string         `json:"clusterId"`
	FormatLevel int            `json:"formatLevel"`
	Index       uint64         `json:"index"`
	Term        uint64         `json:"term"`
	StateHash   string         `json:"stateHash"`
	Bytes       int64          `json:"bytes"` // of the state
	Rows        map[string]int `json:"rows"`  // table -> rows
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
			info, err := inspectSnapshot(f)
			if err != nil {
				return admin.Errorf(admin.KindFailure, "use another backup: this one cannot be restored", "inspect %s: %w", args[0], err)
			}
			info.File = args[0]
			return printItem(a, "Snapshot", info, snapshotColumns(info))
		},
	}
}

// inspectSnapshot reads a saved snapshot to its end and checks everything.
func inspectSnapshot(r io.Reader) (snapshotInfo, error) {
	out := snapshotInfo{Rows: map[string]int{}}
	saved, err := raftnode.ReadSnapshot(r, func(_ raftnode.SnapshotInfo, stream io.Reader) error {
		head, tables, err := snapshot.Inspect(stream)
		if err != nil {
			return err
		}
		out.ClusterID, out.FormatLevel, out.StateHash = head.ClusterID, head.FormatLevel, hex.EncodeToString(head.StateHash[:])
		for _, t := range tables {
			out.Rows[t.Table] = t.Rows
		}
		return nil
	})
	if err != nil {
		return snapshotInfo{}, err
	}
	out.Node, out.Saved, out.Index, out.Term, out.Bytes = saved.Node, saved.Saved, saved.Index, saved.Term, saved.Size
	return out, nil
}

// total counts the rows of all tables.
func (s snapshotInfo) total() int {
	n := 0
	for _, rows := range s.Rows {
		n += rows
	}
	return n
}

func snapshotColumns(info snapshotInfo) []column[snapshotInfo] {
	columns := []column[snapshotInfo]{
		{"File", false, func(s snapshotInfo) string { return s.File }},
		{"Saved", false, func(s snapshotInfo) string { return s.Saved.UTC().Format(time.RFC3339) + " by " + s.Node }},
		{"Cluster", false, func(s snapshotInfo) string { return s.ClusterID }},
		{"Format level", false, func(s snapshotInfo) string { return strconv.Itoa(s.FormatLevel) }},
		{"Index", false, func(s snapshotInfo) string { return index(s.Index) + ", term " + index(s.Term) }},
		{"State hash", false, func(s snapshotInfo) string { return s.StateHash }},
		{"Rows", false, func(s snapshotInfo) string { return strconv.Itoa(s.total()) }},
	}
	for _, table := range slices.Sorted(maps.Keys(info.Rows)) {
		columns = append(columns, column[snapshotInfo]{"  " + table, info.Rows[table] == 0, func(s snapshotInfo) string { return strconv.Itoa(s.Rows[table]) }})
	}
	return columns
}
