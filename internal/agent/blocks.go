// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/blockd"
	"github.com/hivecloud/hive/compute/executor"
)

// blocks is the node's block daemon as agent and executor need it. Each call has a connection of its own: a long copy
// holds nobody up, and a daemon that was started anew is found at once.
type blocks struct {
	socket  string
	fetcher *fetcher // nil: snapshots are here or nowhere
}

var _ executor.Blocks = (*blocks)(nil)

func newBlocks(socket string) *blocks { return &blocks{socket: socket} }

// with makes one call.
func (b *blocks) with(ctx context.Context, f func(*blockd.Client) error) error {
	c, err := blockd.Dial(ctx, b.socket)
	if err != nil {
		return err
	}
	return errors.Join(f(c), c.Close())
}

// ping tells whether the daemon answers.
func (b *blocks) ping(ctx context.Context) error {
	return b.with(ctx, func(c *blockd.Client) error {
		_, err := c.Space(ctx)
		return err
	})
}

// Create makes a volume. A snapshot that only other nodes have is fetched first.
func (b *blocks) Create(ctx context.Context, volume string, size int64, snapshot string) error {
	create := func() error { return b.create(ctx, volume, size, snapshot) }
	if b.fetcher == nil {
		return create()
	}
	return b.fetcher.createVolume(ctx, create, snapshot)
}

func (b *blocks) create(ctx context.Context, volume string, size int64, snapshot string) error {
	err := b.with(ctx, func(c *blockd.Client) error {
		return c.CreateVolume(ctx, blockd.CreateVolume{ID: volume, SizeBytes: size, Snapshot: snapshot})
	})
	switch {
	case errors.Is(err, blockstore.ErrNoSpace):
		return fmt.Errorf("%w: %w", executor.ErrNoSpace, err)
	case errors.Is(err, blockstore.ErrNotFound):
		return fmt.Errorf("%w: %w", executor.ErrNoSnapshot, err)
	}
	return err
}

// Has tells whether a volume's bytes are here.
func (b *blocks) Has(ctx context.Context, volume string) error {
	err := b.with(ctx, func(c *blockd.Client) error {
		_, err := c.StatVolume(ctx, volume)
		return err
	})
	if errors.Is(err, blockstore.ErrNotFound) {
		return fmt.Errorf("%w: %w", executor.ErrNoVolume, err)
	}
	return err
}

// Delete removes a volume.
func (b *blocks) Delete(ctx context.Context, volume string) error {
	return b.with(ctx, func(c *blockd.Client) error { return c.DeleteVolume(ctx, volume) })
}

// Release flushes and closes a volume.
func (b *blocks) Release(ctx context.Context, volume string, epoch uint64) error {
	return b.with(ctx, func(c *blockd.Client) error { return c.Release(ctx, volume, epoch) })
}

// ImportSnapshot takes a raw file in as a snapshot; it returns its length and SHA-256.
func (b *blocks) ImportSnapshot(ctx context.Context, id, path string) (size int64, sum string, err error) {
	err = b.with(ctx, func(c *blockd.Client) error {
		s, err := c.ImportSnapshot(ctx, id, path)
		size, sum = s.SizeBytes, s.SHA256
		return err
	})
	return size, sum, err
}

// DeleteSnapshot removes a snapshot.
func (b *blocks) DeleteSnapshot(ctx context.Context, snapshot string) error {
	return b.with(ctx, func(c *blockd.Client) error { return c.DeleteSnapshot(ctx, snapshot) })
}

// Free is what new volumes may still take.
func (b *blocks) Free(ctx context.Context) (free int64, err error) {
	err = b.with(ctx, func(c *blockd.Client) error {
		s, err := c.Space(ctx)
		free = s.FreeBytes - s.ReserveBytes
		return err
	})
	return free, err
}
