// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/internal/admin"
)

// What the node's instances run on is behind three small interfaces. The real ones are blocks, blockDaemon and guests;
// simulated is all three.

// disks is the node's block store: what the executor needs, and what takes images in.
type disks interface {
	executor.Blocks
	// ping returns nil when the store answers.
	ping(ctx context.Context) error
	// ImportSnapshot takes a raw file in as a snapshot; it returns its length in bytes and its SHA-256.
	ImportSnapshot(ctx context.Context, id, path string) (size int64, sum string, err error)
}

// diskDaemon is the process behind the disks.
type diskDaemon interface {
	// run keeps the daemon up until the context ends, and leaves it up.
	run(ctx context.Context) error
	// alive is the daemon's pid, or 0 when there is none.
	alive() int
	// stop ends the daemon in order and for good.
	stop(ctx context.Context) error
}

// hypervisors are the node's guests: what the executor needs, and what operators look at.
type hypervisors interface {
	executor.Guests
	// CopyConsole copies a serial log from an offset on and returns the offset of its end.
	CopyConsole(w io.Writer, instance string, from int64) (int64, error)
	// PIDs are the processes of a guest; 0 for one that does not run.
	PIDs(instance string) (guardPID, qemuPID int)
	// processes are the guards that answer.
	processes() []admin.Process
}

var (
	_ disks       = (*blocks)(nil)
	_ diskDaemon  = (*blockDaemon)(nil)
	_ hypervisors = (*guests)(nil)
)

// prepareSubstrate makes what instances run on; nothing is started.
func (a *Agent) prepareSubstrate() error {
	fetch := &fetcher{a: a}
	if a.options.SimulateGuests {
		return a.simulate(fetch)
	}
	fetch.copy = fetch.from
	if err := os.RemoveAll(a.at.fetched()); err != nil {
		return fmt.Errorf("clear half-fetched snapshots: %w", err)
	}
	store := newBlocks(a.at.blockSocket())
	store.fetcher = fetch
	daemon := a.blockDaemon()
	daemon.ping = store.ping
	guests, err := newGuests(a.config, a.at, a.host, a.options.Executable)
	if err != nil {
		return err
	}
	a.blocks, a.daemon, a.guests = store, daemon, guests
	return nil
}

// blockDaemon is the daemon as this node starts it.
func (a *Agent) blockDaemon() *blockDaemon {
	return &blockDaemon{exe: a.options.Executable, socket: a.at.blockSocket(), pid: a.at.blockPID(), logs: filepath.Join(a.at.logs(), "blockd.log"),
		args: []string{"blockd", "--dir", a.blockDir(), "--socket", a.at.blockSocket(), "--reserve", fmt.Sprint(int64(a.config.Block.Reserve)), "--log-level", a.config.Log.Level, "--log-format", a.config.Log.Format},
		log:  a.log.Named("blockd")}
}
