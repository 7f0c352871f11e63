// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/blockd"
)

const (
	// blockdPing is how often a serving is looked at: a guest's I/O waits this long more when the daemon died.
	blockdPing        = 250 * time.Millisecond
	blockdPingTimeout = 10 * time.Second
)

// BlockDaemon is the node's block daemon behind a control socket.
func BlockDaemon(socket string) Disks { return daemon{socket} }

type daemon struct{ socket string }

// Serve hands the listener over and watches that the daemon that took it lives: the control connection breaks with it.
func (d daemon) Serve(ctx context.Context, volume string, epoch uint64, l *os.File) (func(context.Context) error, <-chan struct{}, error) {
	c, err := blockd.Dial(ctx, d.socket)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Serve(ctx, blockd.Serve{Volume: volume, Epoch: epoch}, l); err != nil {
		if errors.Is(err, blockstore.ErrFenced) {
			err = fmt.Errorf("%w: %w", ErrStaleEpoch, err)
		}
		return nil, nil, errors.Join(err, c.Close())
	}
	s := &serving{client: c, volume: volume, epoch: epoch, stop: make(chan struct{}), lost: make(chan struct{})}
	s.watcher.Go(s.watch)
	return s.release, s.lost, nil
}

// serving is one volume that the daemon serves for this guard.
type serving struct {
	client *blockd.Client
	volume string
	epoch  uint64

	stop     chan struct{}
	stopOnce sync.Once
	lost     chan struct{}
	watcher  sync.WaitGroup
}

// watch closes lost when the daemon is gone or serves the volume to a later epoch.
func (s *serving) watch() {
	for {
		select {
		case <-s.stop:
			return
		case <-time.After(blockdPing):
		}
		ctx, cancel := context.WithTimeout(context.Background(), blockdPingTimeout)
		v, err := s.client.StatVolume(ctx, s.volume)
		cancel()
		if err != nil || !v.Served || v.Epoch != s.epoch {
			_ = s.client.Close() // it is broken, or of no more use
			close(s.lost)
			return
		}
	}
}

// release ends the serving: the volume is flushed and closed.
func (s *serving) release(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stop) })
	s.watcher.Wait()
	return errors.Join(s.client.Release(ctx, s.volume, s.epoch), s.client.Close())
}
