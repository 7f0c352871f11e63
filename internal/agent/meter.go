// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metricstore"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/vfs"
)

// meter keeps what this node measures, and reads what all nodes keep (metricnodes.go). A sample carries the beginning
// of the interval that it is about, as CloudWatch's datapoints do.
type meter struct {
	self   string // node id
	region localRegion
	client *rpc.Client // to the other nodes
	dir    string      // the node's data directory
	log    hclog.Logger
	store  *metricstore.Store

	// Of the sampling goroutine.
	checked   time.Time // the minute of the last check of statuses and of the node
	processor *cpu.TimesStat

	mu  sync.Mutex
	err error // why samples are not kept now
}

// localRegion is the region's truth as this node has it.
type localRegion interface{ Local() *state.View }

// meterConfig says whose meter to make.
type meterConfig struct {
	self   string
	region localRegion
	client *rpc.Client
	at     layout
	logger hclog.Logger
}

// newMeter opens the node's store. A store that cannot be opened costs the metrics and not the guests: it is told by
// status, and the meter goes on without.
func newMeter(c meterConfig) (*meter, error) {
	store, err := metricstore.New(metricstore.Config{Dir: c.at.metrics(), Logger: c.logger})
	if err != nil {
		return nil, err
	}
	m := &meter{self: c.self, region: c.region, client: c.client, dir: c.at.dir, log: c.logger.Named("meter"), store: store}
	m.note(store.Open())
	return m, nil
}

// note remembers whether samples are kept, and tells the log when that changes.
func (m *meter) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil && m.err == nil:
		m.log.Error("metrics of this node are not kept", "error", err)
	case errors.Is(err, metricstore.ErrClosed):
		return // why it could not be opened says more
	}
	m.err = err
}

// fault is why samples are not kept now; nil when they are.
func (m *meter) fault() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *meter) close() error {
	if m == nil {
		return nil
	}
	return m.store.Close()
}

// keep stores the samples of a pass, and once a minute the statuses of the running instances and the node's own.
func (m *meter) keep(ctx context.Context, now time.Time, running []*state.Instance, samples []metricstore.Sample) {
	if minute := interval(now, time.Minute); minute.After(m.checked) {
		m.checked = minute
		about := minute.Add(-time.Minute)
		for _, i := range running {
			samples = append(samples, checksOf(i, about))
		}
		samples = append(samples, m.node(ctx, about, len(running))...)
	}
	if len(samples) == 0 {
		return
	}
	err := m.store.Append(now, samples...)
	if err == nil || errors.Is(err, metricstore.ErrTooManySubjects) {
		err = errors.Join(err, m.store.Sync())
	}
	m.note(err)
}

// node is what the machine uses; a part that cannot be read is left out.
func (m *meter) node(ctx context.Context, about time.Time, running int) []metricstore.Sample {
	used := m.region.Local().Allocated(m.self)
	values := []metricstore.Value{
		{Metric: metricstore.RunningInstances, Value: float64(running)},
		{Metric: metricstore.AllocatedVCPUs, Value: float64(used.MilliCPU) / 1000},
		{Metric: metricstore.AllocatedMemoryBytes, Value: float64(used.MemoryMiB << 20)},
	}
	if times, err := cpu.TimesWithContext(ctx, false); err == nil && len(times) == 1 {
		if m.processor != nil {
			if percent, ok := busyPercent(*m.processor, times[0]); ok {
				values = append(values, metricstore.Value{Metric: metricstore.CPUPercent, Value: percent})
			}
		}
		m.processor = &times[0]
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil && memory.Total > 0 {
		taken := float64(memory.Total - memory.Available)
		values = append(values, metricstore.Value{Metric: metricstore.MemoryUsedBytes, Value: taken},
			metricstore.Value{Metric: metricstore.MemoryPercent, Value: 100 * taken / float64(memory.Total)})
	}
	if free, total, err := vfs.OS().Free(m.dir); err == nil {
		values = append(values, metricstore.Value{Metric: metricstore.StorageFreeBytes, Value: float64(free)},
			metricstore.Value{Metric: metricstore.StorageUsedBytes, Value: float64(total - free)})
	}
	return []metricstore.Sample{{Subject: metricstore.Subject{Kind: metricstore.Node, ID: m.self}, At: about, Values: values}}
}

// busyPercent is the part of the time between two readings in which the processors worked.
func busyPercent(from, to cpu.TimesStat) (float64, bool) {
	total := func(t cpu.TimesStat) float64 {
		return t.User + t.System + t.Nice + t.Iowait + t.Irq + t.Softirq + t.Steal + t.Idle
	}
	all := total(to) - total(from)
	idle := to.Idle + to.Iowait - from.Idle - from.Iowait
	if all <= 0 {
		return 0, false
	}
	return 100 * min(max(1-idle/all, 0), 1), true
}

// checksOf are an instance's status checks of a minute. The system's own passes as long as its node reports at all.
func checksOf(i *state.Instance, about time.Time) metricstore.Sample {
	failed := 0.0
	if i.Impaired != "" {
		failed = 1
	}
	return metricstore.Sample{Subject: instanceSubject(i), At: about, Values: []metricstore.Value{
		{Metric: metricstore.CheckFailed, Value: failed}, {Metric: metricstore.CheckFailedInstance, Value: failed}, {Metric: metricstore.CheckFailedSystem, Value: 0}}}
}

func instanceSubject(i *state.Instance) metricstore.Subject {
	return metricstore.Subject{Account: i.AccountID, Kind: metricstore.Instance, ID: i.ID}
}

// measured are the samples of an instance and its volumes between two readings of its counters. They are about the
// interval before the one that the later reading is in.
func measured(i *state.Instance, from, to sample) []metricstore.Sample {
	about := interval(to.at, pace(i)).Add(-pace(i))
	if to.used.CPU < from.used.CPU {
		from.used = executor.Usage{} // a new hypervisor counts from zero
	}
	elapsed := to.at.Sub(from.at).Seconds() * float64(max(i.Shape.VCPUs, 1))
	if elapsed <= 0 {
		return nil
	}
	out := []metricstore.Sample{{Subject: instanceSubject(i), At: about, Values: []metricstore.Value{
		// The hypervisor's own work counts too, and may come on top of what the vCPUs can do.
		{Metric: metricstore.CPUPercent, Value: min(100*(to.used.CPU-from.used.CPU).Seconds()/elapsed, 100)},
		{Metric: metricstore.ReadOps, Value: grown(from.used.ReadOps, to.used.ReadOps)},
		{Metric: metricstore.WriteOps, Value: grown(from.used.WriteOps, to.used.WriteOps)},
		{Metric: metricstore.ReadBytes, Value: grown(from.used.ReadBytes, to.used.ReadBytes)},
		{Metric: metricstore.WriteBytes, Value: grown(from.used.WriteBytes, to.used.WriteBytes)},
		{Metric: metricstore.NetInBytes, Value: grown(from.used.NetIn, to.used.NetIn)},
		{Metric: metricstore.NetOutBytes, Value: grown(from.used.NetOut, to.used.NetOut)},
	}}}
	for _, d := range i.Devices {
		now, ok := to.used.Volumes[d.VolumeID]
		if !ok {
			continue
		}
		was := from.used.Volumes[d.VolumeID]
		out = append(out, metricstore.Sample{Subject: metricstore.Subject{Account: i.AccountID, Kind: metricstore.Volume, ID: d.VolumeID}, At: about, Values: []metricstore.Value{
			{Metric: metricstore.ReadOps, Value: grown(was.ReadOps, now.ReadOps)},
			{Metric: metricstore.WriteOps, Value: grown(was.WriteOps, now.WriteOps)},
			{Metric: metricstore.ReadBytes, Value: grown(was.ReadBytes, now.ReadBytes)},
			{Metric: metricstore.WriteBytes, Value: grown(was.WriteBytes, now.WriteBytes)},
			{Metric: metricstore.ReadSeconds, Value: grown(was.ReadTime, now.ReadTime) / float64(time.Second)},
			{Metric: metricstore.WriteSeconds, Value: grown(was.WriteTime, now.WriteTime) / float64(time.Second)},
		}})
	}
	return out
}

// grown is by how much a counter went up; one that went down began anew.
func grown[T uint64 | time.Duration](from, to T) float64 {
	if to < from {
		return float64(to)
	}
	return float64(to - from)
}
