// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newRaftSnapshotSave(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "save FILE", Short: "Save a checked snapshot of the region's state", Args: exactArgs("FILE"),
		Long:    "Save a snapshot of the region's state. The file appears under its name only when it is\ncomplete, checked and on disk. It holds no secret in clear.",
		Example: "  hive raft snapshot save backup.snap",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			return saveSnapshot(a.withTimeout(cmd.Context()), a, client, args[0])
		},
	}
}

// saveSnapshot writes beside the target, checks what was written and only then
// renames: a cut stream never replaces a good backup.
func saveSnapshot(ctx context.Context, a *app, client *admin.Client, path string) error {
	stream, err := client.SnapshotSave(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("create snapshot file: %w", err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	defer f.Close()
	size, err := io.Copy(f, stream)
	if err != nil {
		return fmt.Errorf("write snapshot %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync snapshot %s: %w", path, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind snapshot %s: %w", path, err)
	}
	info, err := inspectSnapshot(f)
	if err != nil {
		return admin.Errorf(admin.KindFailure, "try again; if it stays so, see the agent's log", "check snapshot: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("name snapshot: %w", err)
	}
	a.note("saved %s: %d bytes, index %d, %s", path, size, info.Index, plural(info.total(), "row"))
	return nil
}
