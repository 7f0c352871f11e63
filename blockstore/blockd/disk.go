// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/hivecloud/hive/blockstore"
	"github.com/hivecloud/hive/blockstore/filevol"
	"github.com/hivecloud/hive/blockstore/nbd"
)

// disk is a volume this daemon has or had open. All but mu is zero while it is not open.
type disk struct {
	mu       sync.Mutex // held for the whole of every change
	vol      *filevol.Volume
	srv      *nbd.Server
	listener net.Listener
	accepts  *sync.WaitGroup // the accept loops of srv

	// live is srv for those who only look and must not wait for a change that takes long.
	live atomic.Pointer[nbd.Server]
}

// disk finds or makes the entry of a volume.
func (d *Daemon) disk(id string) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.disks[id] == nil {
		d.disks[id] = &disk{}
	}
	return d.disks[id]
}

// countersOf finds or makes the counters of a volume.
func (d *Daemon) countersOf(id string) *nbd.Counters {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counters[id] == nil {
		d.counters[id] = &nbd.Counters{}
	}
	return d.counters[id]
}

// serve opens a volume under an epoch and accepts its NBD clients on the listener in file.
//
//   - Same epoch again: the new listener replaces the old one, connections stay.
//   - Higher epoch: the connections of the lower one are cut and its last request has ended before the volume opens.
//   - Lower epoch: ErrFenced, nothing changes.
func (d *Daemon) serve(ctx context.Context, args Serve, file *os.File) error {
	if args.Epoch == 0 {
		return fmt.Errorf("epoch 0: %w", blockstore.ErrInvalid)
	}
	l, err := listenerOf(file)
	if err != nil {
		return err
	}
	k := d.disk(args.Volume)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := d.openFor(ctx, k, args); err != nil {
		l.Close()
		return err
	}
	old := k.listener
	k.listener = l
	srv := k.srv
	k.accepts.Go(func() {
		if err := srv.Serve(l); err != nil {
			d.log.Error("disk accepts no more connections", "volume", args.Volume, "error", err)
		}
	})
	if old != nil {
		old.Close()
	}
	d.log.Info("serving", "volume", args.Volume, "epoch", args.Epoch)
	return nil
}

// openFor makes the volume open under the epoch of args. The caller holds k.mu.
func (d *Daemon) openFor(ctx context.Context, k *disk, args Serve) error {
	if k.vol != nil {
		have := k.vol.Epoch()
		if args.Epoch < have {
			return fmt.Errorf("volume %s is served at epoch %d, not %d: %w", args.Volume, have, args.Epoch, blockstore.ErrFenced)
		}
		if args.Epoch == have {
			return k.vol.Failed()
		}
		d.log.Info("a newer epoch takes the volume", "volume", args.Volume, "epoch", args.Epoch, "old_epoch", have)
		k.srv.Close()
		if err := k.closeVolume(ctx); err != nil {
			// The old epoch's flush is lost, which the volume has recorded. The new owner asked knowing nothing of
			// it, as after a power cut.
			d.log.Error("old epoch closed with an error", "volume", args.Volume, "error", err)
		}
	}
	vol, err := d.store.OpenVolume(ctx, args.Volume, args.Epoch)
	if err != nil {
		return err
	}
	srv, err := nbd.New(nbd.Config{Name: args.Volume, Volume: vol, Counters: d.countersOf(args.Volume), Logger: d.log})
	if err != nil {
		return errors.Join(err, vol.Close(ctx))
	}
	k.vol, k.srv, k.accepts = vol, srv, &sync.WaitGroup{}
	k.live.Store(srv)
	return nil
}

// closeVolume closes what is open and clears the entry; the server must have been stopped.
func (k *disk) closeVolume(ctx context.Context) error {
	k.accepts.Wait()
	vol := k.vol
	k.vol, k.srv, k.listener, k.accepts = nil, nil, nil, nil
	k.live.Store(nil)
	return vol.Close(ctx)
}

// release lets requests finish, flushes and closes. A volume that is not open is no error.
func (d *Daemon) release(ctx context.Context, args Serve) error {
	k := d.disk(args.Volume)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.vol == nil {
		return nil
	}
	if have := k.vol.Epoch(); args.Epoch < have {
		return fmt.Errorf("volume %s is served at epoch %d, not %d: %w", args.Volume, have, args.Epoch, blockstore.ErrFenced)
	}
	k.srv.Shutdown()
	if err := k.closeVolume(ctx); err != nil {
		return err
	}
	d.log.Info("released", "volume", args.Volume, "epoch", args.Epoch)
	return nil
}

// detach ends a disk at the end of the daemon.
func (k *disk) detach() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.vol == nil {
		return nil
	}
	k.srv.Shutdown()
	k.accepts.Wait()
	return k.vol.Detach()
}

// grow makes a volume longer, open or not.
func (d *Daemon) grow(ctx context.Context, args growArgs) error {
	k := d.disk(args.Volume)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.vol != nil {
		return k.vol.Grow(ctx, args.SizeBytes)
	}
	return d.store.GrowVolume(ctx, args.Volume, args.SizeBytes)
}

// deleteVolume removes a volume that is not open, and forgets its counters.
func (d *Daemon) deleteVolume(ctx context.Context, id string) error {
	k := d.disk(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.vol != nil {
		return fmt.Errorf("delete volume %s: served at epoch %d: %w", id, k.vol.Epoch(), blockstore.ErrInUse)
	}
	if err := d.store.DeleteVolume(ctx, id); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.counters, id)
	return nil
}

// open tells whether a volume is open and how many clients it has.
func (d *Daemon) open(id string) (open bool, connections int) {
	d.mu.Lock()
	k := d.disks[id]
	d.mu.Unlock()
	if k == nil {
		return false, 0
	}
	srv := k.live.Load()
	if srv == nil {
		return false, 0
	}
	return true, srv.Conns()
}

// listenerOf makes a listener of a descriptor that must be a listening unix stream socket. Closing it leaves the
// sender's descriptor alone, and the socket's name.
func listenerOf(file *os.File) (net.Listener, error) {
	if file == nil {
		return nil, fmt.Errorf("no listener came with the request: %w", blockstore.ErrInvalid)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	want := []struct {
		name          string
		option, value int
	}{{"family", unix.SO_DOMAIN, unix.AF_UNIX}, {"type", unix.SO_TYPE, unix.SOCK_STREAM}, {"listening", unix.SO_ACCEPTCONN, 1}}
	var bad error
	err = raw.Control(func(fd uintptr) {
		for _, w := range want {
			if got, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, w.option); err != nil || got != w.value {
				bad = fmt.Errorf("descriptor is no listening unix stream socket (%s %d, %v): %w", w.name, got, err, blockstore.ErrInvalid)
				return
			}
		}
	})
	if err := errors.Join(err, bad); err != nil {
		return nil, err
	}
	return net.FileListener(file)
}
