// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"

	"github.com/hivecloud/hive/compute/qmp"
)

// RunState is QEMU's state of the guest (query-status).
type RunState string

// The run states that a guest of ours can be in; others are passed on as QEMU spells them.
const (
	StateRunning   RunState = "running"
	StatePaused    RunState = "paused"
	StatePrelaunch RunState = "prelaunch"
	StateShutdown  RunState = "shutdown"
	StatePanicked  RunState = "guest-panicked"
	StateIOError   RunState = "io-error"
	StateInternal  RunState = "internal-error"
	StatePostMove  RunState = "postmigrate"
)

// Monitor runs commands on one QEMU. It is as safe for concurrent use as its client, which it does not own.
type Monitor struct{ client *qmp.Client }

// NewMonitor wraps a connected client.
func NewMonitor(c *qmp.Client) *Monitor { return &Monitor{client: c} }

// Identity is what tells one guest from another.
type Identity struct{ Name, UUID string }

// Identity asks who this QEMU is: its -name guest= and its -uuid.
func (m *Monitor) Identity(ctx context.Context) (Identity, error) {
	var id Identity
	var name struct{ Name string }
	if err := m.client.Execute(ctx, "query-name", nil, &name); err != nil {
		return id, err
	}
	var uuid struct{ UUID string }
	if err := m.client.Execute(ctx, "query-uuid", nil, &uuid); err != nil {
		return id, err
	}
	return Identity{Name: name.Name, UUID: uuid.UUID}, nil
}

// State asks how the guest is.
func (m *Monitor) State(ctx context.Context) (RunState, error) {
	var status struct{ Status RunState }
	err := m.client.Execute(ctx, "query-status", nil, &status)
	return status.Status, err
}

// Stop halts the guest's processors after its I/O in flight has been submitted. Stopping a stopped guest is no error.
func (m *Monitor) Stop(ctx context.Context) error { return m.client.Execute(ctx, "stop", nil, nil) }

// Cont lets the guest run again and retries an I/O request that stopped it.
func (m *Monitor) Cont(ctx context.Context) error { return m.client.Execute(ctx, "cont", nil, nil) }

// Powerdown presses the guest's ACPI power button.
func (m *Monitor) Powerdown(ctx context.Context) error {
	return m.client.Execute(ctx, "system_powerdown", nil, nil)
}

// Reset presses the guest's reset button.
func (m *Monitor) Reset(ctx context.Context) error {
	return m.client.Execute(ctx, "system_reset", nil, nil)
}

// Quit ends QEMU. The connection may end before the reply, which is success too.
func (m *Monitor) Quit(ctx context.Context) error {
	err := m.client.Execute(ctx, "quit", nil, nil)
	if errors.Is(err, qmp.ErrClosed) {
		return nil
	}
	return err
}

// Screendump writes the display as PNG to path, which is opened by QEMU with QEMU's rights.
func (m *Monitor) Screendump(ctx context.Context, path string) error {
	return m.client.Execute(ctx, "screendump", map[string]any{"filename": path, "format": "png"}, nil)
}

// SetLimits changes the limits of a running disk; guests see it within the second.
func (m *Monitor) SetLimits(ctx context.Context, volumeID string, l Limits) error {
	if err := l.Validate(); err != nil {
		return err
	}
	if !idPattern.MatchString(volumeID) {
		return fmt.Errorf("volume id %q does not match %s", volumeID, idPattern)
	}
	return m.client.Execute(ctx, "qom-set", map[string]any{
		"path": "/objects/" + ThrottleGroup(volumeID), "property": "limits", "value": l.throttle(),
	}, nil)
}

// DiskStats counts a disk's traffic since QEMU started.
type DiskStats struct {
	ReadOps    uint64 `json:"read_ops"`
	WriteOps   uint64 `json:"write_ops"`
	FlushOps   uint64 `json:"flush_ops"`
	ReadBytes  uint64 `json:"read_bytes"`
	WriteBytes uint64 `json:"write_bytes"`
	// ReadNanos and WriteNanos are the summed durations of the operations.
	ReadNanos  uint64 `json:"read_nanos"`
	WriteNanos uint64 `json:"write_nanos"`
	// Failed counts operations that ended in an error.
	Failed uint64 `json:"failed"`
}

// DiskStats returns the counters of the named volumes; a volume that is not attached is absent.
func (m *Monitor) DiskStats(ctx context.Context, volumeIDs []string) (map[string]DiskStats, error) {
	var devices []struct {
		NodeName string `json:"node-name"`
		QDev     string `json:"qdev"`
		Stats    struct {
			ReadOps    uint64 `json:"rd_operations"`
			WriteOps   uint64 `json:"wr_operations"`
			FlushOps   uint64 `json:"flush_operations"`
			ReadBytes  uint64 `json:"rd_bytes"`
			WriteBytes uint64 `json:"wr_bytes"`
			ReadNanos  uint64 `json:"rd_total_time_ns"`
			WriteNanos uint64 `json:"wr_total_time_ns"`
			FailedRead uint64 `json:"failed_rd_operations"`
			FailedWr   uint64 `json:"failed_wr_operations"`
			FailedFl   uint64 `json:"failed_flush_operations"`
		} `json:"stats"`
	}
	if err := m.client.Execute(ctx, "query-blockstats", nil, &devices); err != nil {
		return nil, err
	}
	// The device counts what the guest asked for; its qdev is a path that ends in the device's id or names its backend.
	all := map[string]DiskStats{}
	for _, d := range devices {
		s := d.Stats
		all[d.NodeName] = DiskStats{
			ReadOps: s.ReadOps, WriteOps: s.WriteOps, FlushOps: s.FlushOps, ReadBytes: s.ReadBytes, WriteBytes: s.WriteBytes,
			ReadNanos: s.ReadNanos, WriteNanos: s.WriteNanos, Failed: s.FailedRead + s.FailedWr + s.FailedFl,
		}
	}
	wanted := map[string]DiskStats{}
	for _, id := range volumeIDs {
		if s, ok := all[id]; ok {
			wanted[id] = s
		}
	}
	return wanted, nil
}

// Memory is what the guest's balloon driver reports, in bytes.
type Memory struct {
	Total     uint64 `json:"total"`
	Free      uint64 `json:"free"`
	Available uint64 `json:"available"`
	// UpdatedUnix is when the guest reported, in Unix seconds.
	UpdatedUnix int64 `json:"updated_unix"`
}

// Memory returns the guest's own memory numbers; ok is false when its driver has not reported (yet).
func (m *Monitor) Memory(ctx context.Context) (mem Memory, ok bool, err error) {
	var guest struct {
		LastUpdate int64 `json:"last-update"`
		Stats      struct {
			Total     uint64 `json:"stat-total-memory"`
			Free      uint64 `json:"stat-free-memory"`
			Available uint64 `json:"stat-available-memory"`
		} `json:"stats"`
	}
	err = m.client.Execute(ctx, "qom-get", map[string]any{"path": "/machine/peripheral/" + BalloonID, "property": "guest-stats"}, &guest)
	if err != nil {
		return Memory{}, false, err
	}
	const unknown = ^uint64(0)
	s := guest.Stats
	if guest.LastUpdate == 0 || s.Total == unknown || s.Free == unknown {
		return Memory{}, false, nil
	}
	if s.Available == unknown { // kernels before 3.14
		s.Available = s.Free
	}
	return Memory{Total: s.Total, Free: s.Free, Available: s.Available, UpdatedUnix: guest.LastUpdate}, true, nil
}
