// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/singleflight"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
)

// fetcher brings snapshots to this node that a launch needs here and only other nodes have.
type fetcher struct {
	a    *Agent
	copy func(ctx context.Context, node string, s *state.Snapshot) error // from, but on a simulated node
	one  singleflight.Group                                              // two launches of one image fetch it once
}

// fetch gets the bytes of a snapshot from any node that has them. They are taken for the snapshot only when their
// SHA-256 is the one in the log, and other nodes are told of the copy only when it is durable.
func (f *fetcher) fetch(ctx context.Context, id string) error {
	_, err, _ := f.one.Do(id, func() (any, error) { return nil, f.once(ctx, id) })
	return err
}

func (f *fetcher) once(ctx context.Context, id string) error {
	a := f.a
	s, ok := state.Snapshots.Get(a.region.Local(), state.AnyAccount, id)
	if !ok || s.State != state.SnapshotCompleted {
		return fmt.Errorf("fetch snapshot %s: %w", id, executor.ErrNoSnapshot)
	}
	faults := []error{executor.ErrNoSnapshot}
	for _, node := range s.Nodes {
		if node == a.id.NodeID {
			continue
		}
		err := f.copy(ctx, node, s)
		if err == nil {
			a.log.Info("snapshot fetched", "snapshot", id, "from", node, "bytes", s.Bytes)
			return f.tell(ctx, id)
		}
		a.log.Warn("snapshot not fetched", "snapshot", id, "from", node, "error", err)
		if ctx.Err() != nil || errors.Is(err, executor.ErrNoSpace) {
			return err
		}
		faults = append(faults, fmt.Errorf("from %s: %w", node, err))
	}
	// That a node is down does not mean that the image is gone: only when nobody can have it the launch has failed.
	if len(faults) > 1 {
		faults = faults[1:]
	}
	return fmt.Errorf("fetch snapshot %s: %w", id, errors.Join(faults...))
}

// from copies a snapshot from one node into the block store.
func (f *fetcher) from(ctx context.Context, node string, s *state.Snapshot) (err error) {
	if err := os.MkdirAll(f.a.at.fetched(), 0o700); err != nil {
		return fmt.Errorf("make directory for fetched snapshots: %w", err)
	}
	path := filepath.Join(f.a.at.fetched(), s.ID)
	defer func() {
		if gone := os.Remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err := f.download(ctx, node, s, path); err != nil {
		return err
	}
	size, sum, err := f.a.blocks.ImportSnapshot(ctx, s.ID, path)
	if err != nil {
		return err
	}
	if size != s.Bytes || sum != s.SHA256 {
		err := fmt.Errorf("the copy has %d bytes with SHA-256 %s, the region's record says %d and %s", size, sum, s.Bytes, s.SHA256)
		return errors.Join(err, f.a.blocks.DeleteSnapshot(context.WithoutCancel(ctx), s.ID))
	}
	return nil
}

// ask begins a stream of a snapshot's runs from a node. The caller closes it.
func (f *fetcher) ask(ctx context.Context, node string, s *state.Snapshot) (net.Conn, error) {
	c, err := f.a.truth.mux.Dial(ctx, node, rpc.ProtoData)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	var head dataAnswer
	if err = writeLine(c, dataRequest{Op: dataSnapshot, ID: s.ID}); err == nil {
		err = readLine(c, &head)
	}
	switch {
	case err != nil:
	case head.Error != "":
		err = errors.New(head.Error)
	case head.Size != s.Bytes:
		err = fmt.Errorf("it has %d bytes, the region's record says %d", head.Size, s.Bytes)
	default:
		return c, nil
	}
	return nil, errors.Join(err, c.Close())
}

func (f *fetcher) download(ctx context.Context, node string, s *state.Snapshot, path string) (err error) {
	c, err := f.ask(ctx, node, s)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	file, err := vfs.OS().OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Truncate(s.Bytes); err != nil {
		return err
	}
	return receiveRuns(c, file, s.Bytes)
}

// tell records the copy. A snapshot that was deleted meanwhile leaves nothing here.
func (f *fetcher) tell(ctx context.Context, id string) error {
	err := f.a.region.Propose(ctx, command.ReportSnapshot{SnapshotID: id, NodeID: f.a.id.NodeID}, nil)
	var refusal *command.Error
	if errors.As(err, &refusal) {
		return errors.Join(fmt.Errorf("fetch snapshot %s: %w", id, executor.ErrNoSnapshot), f.a.blocks.DeleteSnapshot(context.WithoutCancel(ctx), id))
	}
	return err
}

// createVolume makes a volume, and fetches what it is made from when another node has it.
func (f *fetcher) createVolume(ctx context.Context, create func() error, snapshot string) error {
	err := create()
	if !errors.Is(err, executor.ErrNoSnapshot) || snapshot == "" {
		return err
	}
	s, ok := state.Snapshots.Get(f.a.region.Local(), state.AnyAccount, snapshot)
	if !ok || !slices.ContainsFunc(s.Nodes, func(n string) bool { return n != f.a.id.NodeID }) {
		return err
	}
	if err := f.fetch(ctx, snapshot); err != nil {
		return err
	}
	return create()
}
