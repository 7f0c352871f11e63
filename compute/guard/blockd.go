// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/blockd"
)

// takenInterval is how often a serving is looked at, to see that the daemon, alive and well, serves the volume to somebody else by now.
const takenInterval = 3 * time.Second

// BlockDaemon is the node's block daemon behind its control socket.
func BlockDaemon(socket string) Disks { return blockDaemon{socket} }

type blockDaemon struct{ socket string }

var _ Disks = blockDaemon{}

// Serve opens two connections: one for the request, and before it one that only stands open. The daemon's connections are no leases, so the
// end of the second tells nothing but the end of the daemon. It comes first, so that a daemon that ends in between is noticed.
func (b blockDaemon) Serve(ctx context.Context, volume string, epoch uint64, l *os.File) (Serving, error) {
	var d net.Dialer
	watch, err := d.DialContext(ctx, "unix", b.socket)
	if err != nil {
		return nil, fmt.Errorf("dial block daemon: %w", err)
	}
	if err := b.request(ctx, func(c *blockd.Client) error {
		return c.Serve(ctx, blockd.Serve{Volume: volume, Epoch: epoch}, l)
	}); err != nil {
		_ = watch.Close()
		if errors.Is(err, blockstore.ErrFenced) {
			err = fmt.Errorf("%w: %w", ErrStaleEpoch, err)
		}
		return nil, err
	}
	s := &blockdServing{daemon: b, volume: volume, epoch: epoch, watch: watch, lost: make(chan struct{})}
	s.wg.Go(func() {
		defer close(s.lost)
		_, _ = watch.Read(make([]byte, 1)) // the daemon never speaks first
	})
	s.wg.Go(s.watchOwner)
	return s, nil
}

// request does one call on a connection of its own.
func (b blockDaemon) request(ctx context.Context, do func(*blockd.Client) error) error {
	c, err := blockd.Dial(ctx, b.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}

type blockdServing struct {
	daemon blockDaemon
	volume string
	epoch  uint64
	watch  net.Conn
	lost   chan struct{}
	wg     sync.WaitGroup
}

func (s *blockdServing) Lost() <-chan struct{} { return s.lost }

// watchOwner hangs up when the volume is not served under this epoch any more. Without an answer it waits for the daemon's end to be seen.
func (s *blockdServing) watchOwner() {
	tick := time.NewTicker(takenInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.lost:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), serveCallTimeout)
		var v blockd.Volume
		err := s.daemon.request(ctx, func(c *blockd.Client) (err error) {
			v, err = c.StatVolume(ctx, s.volume)
			return err
		})
		cancel()
		if err == nil && (!v.Served || v.Epoch != s.epoch) {
			_ = s.watch.Close()
			return
		}
	}
}

func (s *blockdServing) Abandon() {
	_ = s.watch.Close()
	s.wg.Wait()
}

func (s *blockdServing) Release(ctx context.Context) error {
	s.Abandon()
	err := s.daemon.request(ctx, func(c *blockd.Client) error { return c.Release(ctx, s.volume, s.epoch) })
	if errors.Is(err, blockstore.ErrFenced) {
		return nil // it is a newer owner's by now
	}
	return err
}
