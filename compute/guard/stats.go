// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"os"
	"time"

	"github.com/hivecloud/hive/compute/qemu"
)

// Stats are counters since QEMU was started. There are none for the network: QEMU's user networking does not count; PortTraffic counts what
// went through public ports alone.
type Stats struct {
	At time.Time `json:"at"`
	// CPUSeconds is the processor time of the QEMU process: guest, devices and translation.
	CPUSeconds float64 `json:"cpu_seconds"`
	// ResidentBytes is the host memory QEMU has.
	ResidentBytes uint64 `json:"resident_bytes"`
	// Disks are by volume id, as the guest asked, whatever the limits did with it.
	Disks map[string]qemu.DiskStats `json:"disks"`
	// Memory is from the guest's balloon driver, nil when it does not report.
	Memory *qemu.Memory `json:"memory,omitempty"`
	// PortTraffic is the sum over the public ports.
	PortTraffic Traffic `json:"port_traffic"`
}

// Traffic counts bytes and connections through the guest's public ports since this guard began.
type Traffic struct {
	Connections uint64 `json:"connections"`
	In          uint64 `json:"in_bytes"`
	Out         uint64 `json:"out_bytes"`
}

func (g *guard) stats(ctx context.Context) (Stats, error) {
	monitor, err := g.currentMonitor(ctx)
	if err != nil {
		return Stats{}, err
	}
	status := g.board.get()
	proc, err := readProcStat(status.PID)
	if err != nil {
		return Stats{}, ErrNotRunning
	}
	stats := Stats{
		At: time.Now().UTC(), CPUSeconds: float64(proc.cpuTicks) / userHZ, ResidentBytes: proc.rssPages * uint64(os.Getpagesize()),
		PortTraffic: g.ports.traffic(),
	}
	var volumes []string
	for _, d := range status.Disks {
		volumes = append(volumes, d.VolumeID)
	}
	if stats.Disks, err = monitor.DiskStats(ctx, volumes); err != nil {
		return Stats{}, err
	}
	memory, ok, err := monitor.Memory(ctx)
	if err != nil {
		return Stats{}, err
	}
	if ok {
		stats.Memory = &memory
	}
	return stats, nil
}
