// SPDX-License-Identifier: Apache-2.0

package blockd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/blockstore/filevol"
	"github.com/hivecloud/hive/blockstore/nbd"
	"github.com/hivecloud/hive/internal/vfs"
)

// maxSocketPath is what fits into a sockaddr_un, less the suffix of the temporary name.
const maxSocketPath = 107 - len(newSocketSuffix)

const newSocketSuffix = ".new"

// acceptPause is how long the accept loop waits when the process is out of descriptors or memory.
const acceptPause = 50 * time.Millisecond

// Config says where the daemon keeps its volumes and where it listens.
type Config struct {
	// Dir holds everything; created when missing. One daemon at a time. Required.
	Dir string
	// Socket is the path of the control socket; what is there is replaced. Required.
	Socket string
	// FS is the file system; nil means vfs.OS().
	FS vfs.FS
	// ReserveBytes is what creations and imports must leave free on the file system of Dir. 0 reserves nothing.
	ReserveBytes int64
	// Logger gets what the daemon does; nil means none.
	Logger hclog.Logger
}

// Daemon owns all volumes of a node.
type Daemon struct {
	cfg     Config
	log     hclog.Logger
	store   *filevol.Store
	started time.Time

	mu       sync.Mutex
	disks    map[string]*disk         // by volume; entries stay
	counters map[string]*nbd.Counters // by volume; an entry goes with its volume
	control  map[net.Conn]struct{}
}

// New checks the configuration; it touches nothing.
func New(cfg Config) (*Daemon, error) {
	if cfg.Socket == "" || len(cfg.Socket) > maxSocketPath {
		return nil, fmt.Errorf("blockd: control socket path %q: want 1 to %d bytes", cfg.Socket, maxSocketPath)
	}
	store, err := filevol.New(filevol.Config{Dir: cfg.Dir, FS: cfg.FS, ReserveBytes: cfg.ReserveBytes})
	if err != nil {
		return nil, fmt.Errorf("blockd: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	return &Daemon{
		cfg: cfg, log: cfg.Logger.Named("blockd"), store: store,
		disks: make(map[string]*disk), counters: make(map[string]*nbd.Counters), control: make(map[net.Conn]struct{}),
	}, nil
}

// Run opens the store and serves until ctx is done; then it lets requests under way finish, closes all volumes without a flush (see
// filevol.Volume.Detach: the next daemon goes on where this one stops) and returns nil. Any other end is an error.
// Call it once.
func (d *Daemon) Run(ctx context.Context) error {
	if err := d.store.Open(); err != nil {
		return fmt.Errorf("run blockd: %w", err)
	}
	defer d.store.Close()
	l, err := listen(d.cfg.Socket)
	if err != nil {
		return fmt.Errorf("run blockd: %w", err)
	}
	d.started = time.Now()
	d.log.Info("listening", "socket", d.cfg.Socket, "dir", d.cfg.Dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()

	var conns sync.WaitGroup
	err = d.accept(ctx, l, &conns)
	cancel()
	d.hangUp()
	conns.Wait() // before the disks: no request may open another one
	d.detachAll()
	if err != nil {
		return fmt.Errorf("run blockd: %w", err)
	}
	d.log.Info("stopped")
	return nil
}

// listen makes the control socket. It gets its name only when its mode is set: nobody else can connect in between.
func listen(path string) (*net.UnixListener, error) {
	tmp := path + newSocketSuffix
	if err := os.RemoveAll(tmp); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(tmp, 0o600), os.Rename(tmp, path)); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// accept takes control connections until ctx is done.
func (d *Daemon) accept(ctx context.Context, l *net.UnixListener, conns *sync.WaitGroup) error {
	defer l.Close()
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if !outOf(err) {
				return fmt.Errorf("accept control connection: %w", err)
			}
			d.log.Warn("control connection could not be accepted", "error", err)
			time.Sleep(acceptPause)
			continue
		}
		d.mu.Lock()
		d.control[conn] = struct{}{}
		d.mu.Unlock()
		conns.Go(func() {
			if err := d.serveControl(ctx, conn); err != nil && ctx.Err() == nil {
				d.log.Warn("control connection ended", "error", err)
			}
			conn.Close()
			d.mu.Lock()
			delete(d.control, conn)
			d.mu.Unlock()
		})
	}
}

// hangUp ends the control connections that wait for a request.
func (d *Daemon) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn := range d.control {
		conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// detachAll closes every volume, all at once. No request is under way any more.
func (d *Daemon) detachAll() {
	d.mu.Lock()
	disks := maps.Clone(d.disks)
	d.mu.Unlock()
	var all sync.WaitGroup
	for id, k := range disks {
		all.Go(func() {
			if err := k.detach(); err != nil {
				d.log.Error("volume closed with an error", "volume", id, "error", err)
			}
		})
	}
	all.Wait()
}

// outOf tells whether accept failed for want of something that comes back, such as descriptors.
func outOf(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
