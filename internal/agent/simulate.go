// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hivecloud/hive/compute/accel"
	"github.com/hivecloud/hive/compute/executor/simguest"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/boottime"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/vfs"
)

// simulation is what a simulated node registers instead of an accelerator: whoever looks at a node or an instance in
// the state knows it by that, without a field or a command of its own in the log.
const simulation = "simulated"

// The machine that every simulated node pretends to be, whatever it runs on: nothing of it is used up.
const (
	simulatedCPUs      = 64
	simulatedMemoryMiB = 256 << 10
	simulatedDisk      = int64(16) << 40 // bytes
	// skylake is the Intel model whose generation offers the families that most examples name: t2, t3, c5, m5, r5.
	skylake = 0x55
)

// simulationNotice is the file in a simulated data directory that tells agents and people what it is.
const (
	simulationNotice = "NOTICE"
	simulationText   = "The guests and volumes of this node are simulated (hive agent --simulate-guests): no instance really runs, and\n" +
		"of volumes and snapshots only the sizes are known. An agent without that flag refuses this data directory.\n"
)

// simulated is what instances run on when they do not run: guests, disks and their daemon in memory.
type simulated struct {
	*simguest.Host
	fetcher *fetcher
}

var (
	_ disks       = (*simulated)(nil)
	_ diskDaemon  = (*simulated)(nil)
	_ hypervisors = (*simulated)(nil)
)

// simulate puts the simulation in the place of QEMU, guards and blockd, and marks the data directory.
func (a *Agent) simulate(fetch *fetcher) error {
	a.log.Warn("GUESTS AND VOLUMES OF THIS NODE ARE SIMULATED: no instance really runs here, nothing is stored", "flag", "--simulate-guests")
	if err := os.MkdirAll(a.at.simulated(), 0o700); err != nil {
		return fmt.Errorf("make directory of the simulation: %w", err)
	}
	if err := vfs.WriteFileAtomic(vfs.OS(), filepath.Join(a.at.simulated(), simulationNotice), []byte(simulationText), 0o600); err != nil {
		return fmt.Errorf("mark data directory as simulated: %w", err)
	}
	s := &simulated{Host: simguest.NewHost(simulatedDisk), fetcher: fetch}
	s.Now = boottime.Now // the lease's clock
	if err := s.Keep(filepath.Join(a.at.simulated(), "disks")); err != nil {
		return err
	}
	fetch.copy = s.copySnapshot
	a.blocks, a.daemon, a.guests, a.simulation = s, s, s, s
	return nil
}

// simulatedHost is what a simulated node offers; the operator's reservation and ratios hold as on a real one.
func simulatedHost(c *config.Config) host {
	h := host{accel: accel.Result{Accel: simulation, Reason: "guests and volumes of this node are simulated (--simulate-guests)"},
		cpu:  instancetypes.CPU{Arch: instancetypes.ArchX8664, Vendor: "GenuineIntel", Family: 6, Model: skylake, Name: "simulated processor"},
		cpus: simulatedCPUs, memoryMiB: simulatedMemoryMiB}
	h.offer(c, instancetypes.KVM)
	return h
}

// checkSimulation refuses a data directory that is of the other kind: an agent that simulates would lose sight of real
// guests, a real one would look for guests that never were.
func (a *Agent) checkSimulation() error {
	_, err := os.Stat(filepath.Join(a.at.simulated(), simulationNotice))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for simulated guests: %w", err)
	}
	marked := err == nil
	if !a.options.SimulateGuests {
		if marked {
			return admin.Errorf(admin.KindConflict, "start it with --simulate-guests, or use another --data-dir", "the guests and volumes of %s are simulated: there is nothing that could really run", a.at.dir)
		}
		return nil
	}
	if marked {
		return nil
	}
	found, err := a.realRemains()
	if err == nil && found != "" {
		err = admin.Errorf(admin.KindConflict, "start it without --simulate-guests, or use another --data-dir for a simulated node", "%s is the data directory of a node with real guests or volumes: %s", a.at.dir, found)
	}
	return err
}

// realRemains names something real that the data directory holds; "" when there is nothing.
func (a *Agent) realRemains() (string, error) {
	if pid := a.blockDaemon().alive(); pid != 0 {
		return fmt.Sprintf("its block daemon runs as process %d", pid), nil
	}
	for _, place := range []struct{ dir, prefix string }{
		{filepath.Join(a.blockDir(), "volumes"), "vol-"}, {filepath.Join(a.blockDir(), "snapshots"), "snap-"}, {a.at.guests(), "i-"},
	} {
		entries, err := os.ReadDir(place.dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for real guests and volumes: %w", err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), place.prefix) {
				return filepath.Join(place.dir, e.Name()), nil
			}
		}
	}
	return "", nil
}

// agrees refuses to be a simulated node among real ones, or a real one among simulated: a launch would go to either, and
// who waits for a guest to answer would wait for ever. A mark that this start has made and nobody has used is taken back.
func (a *Agent) agrees(v *state.View) error {
	for n := range state.Nodes.All(v) {
		if n.ID == a.id.NodeID || (n.Accel == simulation) == a.options.SimulateGuests {
			continue
		}
		if !a.options.SimulateGuests {
			return admin.Errorf(admin.KindConflict, "start the agent with --simulate-guests, or join another region", "the guests of this region are simulated (on node %s): a real node cannot be part of it", n.Name)
		}
		a.unmark()
		return admin.Errorf(admin.KindConflict, "start the agent without --simulate-guests, or make a region of its own with hive admin init in another --data-dir", "the guests of this region are real (on node %s): a simulated node cannot be part of it", n.Name)
	}
	return nil
}

// unmark removes the traces of a simulation that has nothing in it yet; one that is in use stays.
func (a *Agent) unmark() {
	disks := filepath.Join(a.at.simulated(), "disks")
	for _, dir := range []string{filepath.Join(disks, "volumes"), filepath.Join(disks, "snapshots"), disks} {
		if os.Remove(dir) != nil {
			return
		}
	}
	if err := os.RemoveAll(a.at.simulated()); err != nil {
		a.log.Warn("cannot take the mark of a simulated node back", "error", err)
	}
}

// isSimulated tells whether the guests of a node are simulated.
func isSimulated(v *state.View, nodeID string) bool {
	n, ok := state.Nodes.Get(v, state.AnyAccount, nodeID)
	return ok && n.Accel == simulation
}

func (s *simulated) ping(context.Context) error { return nil }

// run has nothing to keep up.
func (s *simulated) run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (s *simulated) alive() int                 { return 0 }
func (s *simulated) stop(context.Context) error { return nil }

// PIDs: no guest has a process.
func (s *simulated) PIDs(string) (guardPID, qemuPID int) { return 0, 0 }

func (s *simulated) processes() []admin.Process { return nil }

// Create makes a volume. A snapshot that only other nodes have comes from there, as a real one would.
func (s *simulated) Create(ctx context.Context, volume string, size int64, snapshot string) error {
	return s.fetcher.createVolume(ctx, func() error { return s.Host.Create(ctx, volume, size, snapshot) }, snapshot)
}

// CopyConsole copies the one line that every simulated guest says.
func (s *simulated) CopyConsole(w io.Writer, instance string, from int64) (int64, error) {
	text, _, err := s.Console(instance, maxConsole)
	if err != nil || from >= int64(len(text)) {
		return from, err
	}
	n, err := w.Write(text[max(from, 0):])
	return max(from, 0) + int64(n), err
}

// copySnapshot has a node say that it has a snapshot, over the stream that would carry its bytes.
func (s *simulated) copySnapshot(ctx context.Context, node string, row *state.Snapshot) error {
	c, err := s.fetcher.ask(ctx, node, row)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := receiveRuns(c, nothing{}, row.Bytes); err != nil {
		return err
	}
	return s.AddSnapshot(row.ID, row.Bytes)
}

// nothing is a file that must not be written to: simulated snapshots have no bytes.
type nothing struct{}

// WriteAt fails.
func (nothing) WriteAt([]byte, int64) (int, error) {
	return 0, errors.New("a simulated snapshot came with bytes")
}

// answerSnapshot is answerData's answer of a node that has snapshots without bytes.
func (s *simulated) answerSnapshot(c net.Conn, id string, row *state.Snapshot) error {
	if !s.HasSnapshot(id) || row == nil {
		return writeLine(c, dataAnswer{Error: "this node does not have the snapshot " + id})
	}
	if err := writeLine(c, dataAnswer{Size: row.Bytes}); err != nil {
		return err
	}
	return sendEnd(c)
}
