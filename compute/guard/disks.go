// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Disks is the block daemon as the guard needs it.
type Disks interface {
	// Serve makes the daemon serve a volume by NBD on the listening unix socket l, which stays the caller's: the daemon gets a duplicate.
	// ctx bounds the call alone. Serving a volume again, after a loss, by another guard or under a newer epoch, replaces the listener.
	//
	// An epoch older than one the volume has been served with is an error that wraps ErrStaleEpoch: somebody else owns the volume.
	Serve(ctx context.Context, volume string, epoch uint64, l *os.File) (Serving, error)
}

// Serving is a volume in the hands of a daemon. Exactly one of Release and Abandon is called, once.
type Serving interface {
	// Lost is closed when the daemon is gone.
	Lost() <-chan struct{}
	// Release gives the volume back: it returns when every connection has ended and the data is safe.
	Release(ctx context.Context) error
	// Abandon lets go without a word: the daemon goes on serving.
	Abandon()
}

const (
	serveCallTimeout = 30 * time.Second
	serveFirstPause  = 10 * time.Millisecond
	serveMostPause   = 500 * time.Millisecond
)

// diskServer keeps one volume served on one listening socket, through as many lives of the block daemon as it takes. While the daemon is
// away, QEMU's new connection waits in the socket's backlog, so the guest sees a pause and no error.
type diskServer struct {
	client   Disks
	volume   string
	listener *os.File
	guard    *guard
	log      hclog.Logger

	cancel context.CancelFunc
	wg     sync.WaitGroup
	served chan struct{} // closed when first served

	mu      sync.Mutex
	epoch   uint64
	stale   error         // the last answer, when it was ErrStaleEpoch
	serving Serving       // the present one; nil between two
	again   chan struct{} // closed to serve anew at once
}

func newDiskServer(client Disks, volume string, epoch uint64, listener *os.File, g *guard) *diskServer {
	return &diskServer{
		client: client, volume: volume, epoch: epoch, listener: listener, guard: g, log: g.log.Named("disk").With("volume", volume),
		served: make(chan struct{}), again: make(chan struct{}),
	}
}

// begin starts the server goroutine; stop or abandon end it.
func (d *diskServer) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.wg.Go(func() { d.run(ctx) })
}

func (d *diskServer) run(ctx context.Context) {
	pause := serveFirstPause
	for ctx.Err() == nil {
		d.mu.Lock()
		epoch, again := d.epoch, d.again
		d.mu.Unlock()
		serving, err := d.serve(ctx, epoch)
		if err != nil {
			d.fail(err)
			select {
			case <-time.After(pause):
			case <-again:
			case <-ctx.Done():
			}
			pause = min(2*pause, serveMostPause)
			continue
		}
		pause = serveFirstPause
		d.report(func(s *DiskStatus) { s.Served, s.Error, s.Epoch = true, "", epoch })
		select {
		case <-serving.Lost():
			d.log.Warn("block daemon lost, serving the volume again")
			d.report(func(s *DiskStatus) { s.Served = false; s.Lost++ })
		case <-again:
		case <-ctx.Done():
			return // stop or abandon decides what becomes of it
		}
		d.takeServing().Abandon()
	}
}

// serve asks the daemon once.
func (d *diskServer) serve(ctx context.Context, epoch uint64) (Serving, error) {
	callCtx, cancel := context.WithTimeout(ctx, serveCallTimeout)
	defer cancel()
	serving, err := d.client.Serve(callCtx, d.volume, epoch, d.listener)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serving, d.stale = serving, nil
	select {
	case <-d.served:
	default:
		close(d.served)
	}
	return serving, nil
}

func (d *diskServer) takeServing() Serving {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.serving
	d.serving = nil
	return s
}

// fail reports an error. A stale epoch fences the guest: its owner is elsewhere, and its I/O would only pile up. The server asks on, for
// a Resume with a newer epoch.
func (d *diskServer) fail(err error) {
	d.log.Debug("volume not served", "error", err)
	d.report(func(s *DiskStatus) { s.Served, s.Error = false, err.Error() })
	if !errors.Is(err, ErrStaleEpoch) {
		return
	}
	d.mu.Lock()
	first := d.stale == nil
	d.stale = err
	d.mu.Unlock()
	if first {
		d.guard.expireFence("volume " + d.volume + " belongs to a newer epoch")
	}
}

func (d *diskServer) report(change func(*DiskStatus)) {
	d.guard.board.update(func(s *Status) {
		for i := range s.Disks {
			if s.Disks[i].VolumeID == d.volume {
				change(&s.Disks[i])
			}
		}
	})
}

// waitServed returns once the volume is served for the first time. A stale epoch will not become better by waiting.
func (d *diskServer) waitServed(ctx context.Context) error {
	for {
		select {
		case <-d.served:
			return nil
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return d.lastError(ctx.Err())
		}
		d.mu.Lock()
		stale := d.stale
		d.mu.Unlock()
		if stale != nil {
			return stale
		}
	}
}

func (d *diskServer) lastError(otherwise error) error {
	for _, s := range d.guard.board.get().Disks {
		if s.VolumeID == d.volume && s.Error != "" {
			return errors.New(s.Error)
		}
	}
	return otherwise
}

// claim serves the volume anew under another epoch.
func (d *diskServer) claim(epoch uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.epoch == epoch {
		return
	}
	d.epoch, d.stale = epoch, nil
	close(d.again)
	d.again = make(chan struct{})
}

// forgive makes the next stale answer fence the guest again.
func (d *diskServer) forgive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stale = nil
}

// abandon ends the server and leaves the volume as it is: QEMU keeps its connection.
func (d *diskServer) abandon() {
	if s := d.end(); s != nil {
		s.Abandon()
	}
}

// stop ends the server and gives the volume back.
func (d *diskServer) stop(ctx context.Context) error {
	if s := d.end(); s != nil {
		return s.Release(ctx)
	}
	return nil
}

func (d *diskServer) end() Serving {
	d.cancel()
	d.wg.Wait()
	_ = d.listener.Close()
	return d.takeServing()
}

// releaseDisks gives all volumes back, side by side.
func (g *guard) releaseDisks() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	g.mu.Lock()
	disks := g.disks
	g.disks = nil
	g.mu.Unlock()
	var wg sync.WaitGroup
	for _, d := range disks {
		wg.Go(func() {
			if err := d.stop(ctx); err != nil {
				g.log.Warn("volume not released", "volume", d.volume, "error", err)
			}
			d.report(func(s *DiskStatus) { s.Served = false })
		})
	}
	wg.Wait()
}
