// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metrics"
	"github.com/hivecloud/hive/internal/metricstore"
)

// How often an instance is sampled: EC2's basic and detailed monitoring.
const (
	basicMonitoring    = 5 * time.Minute
	detailedMonitoring = time.Minute
	usagePass          = 10 * time.Second
)

// usage samples what the guests of this node use, each at the pace of its monitoring setting.
type usage struct {
	a *Agent

	mu      sync.Mutex
	samples map[string]sample // by instance id
}

type sample struct {
	at    time.Time
	epoch uint64 // of the assignment: the counters of another one tell nothing
	used  executor.Usage
}

func newUsage(a *Agent) *usage { return &usage{a: a, samples: map[string]sample{}} }

// run samples until the context ends.
func (u *usage) run(ctx context.Context) error {
	for sleep(ctx, usagePass) == nil {
		u.pass(ctx, time.Now())
	}
	return nil
}

// pass samples the guests that are due, keeps what they used since the last time, and forgets those that are gone.
func (u *usage) pass(ctx context.Context, now time.Time) {
	view := u.a.region.Local()
	due := map[string]*state.Instance{}
	u.mu.Lock()
	for id := range u.samples {
		if i, ok := state.Instances.Get(view, state.AnyAccount, id); !ok || i.NodeID != u.a.id.NodeID || i.State != state.Running {
			delete(u.samples, id)
		}
	}
	var running []*state.Instance
	for i := range state.Instances.List(view, state.ByNode, u.a.id.NodeID) {
		if i.State != state.Running {
			continue
		}
		running = append(running, i)
		if s, ok := u.samples[i.ID]; !ok || s.epoch != i.Epoch || interval(now, pace(i)).After(interval(s.at, pace(i))) {
			due[i.ID] = i
		}
	}
	u.mu.Unlock()
	var kept []metricstore.Sample
	for id, used := range u.a.exec.Usages(ctx, slices.Collect(maps.Keys(due))) {
		i, next := due[id], sample{now, due[id].Epoch, used}
		u.mu.Lock()
		last, ok := u.samples[id]
		u.samples[id] = next
		u.mu.Unlock()
		if ok && last.epoch == i.Epoch && interval(now, pace(i)).After(interval(last.at, pace(i))) {
			kept = append(kept, measured(i, last, next)...)
		}
	}
	u.a.meter.keep(ctx, now, running, kept)
}

// pace is how often an instance is sampled.
func pace(i *state.Instance) time.Duration {
	if i.Monitoring {
		return detailedMonitoring
	}
	return basicMonitoring
}

// interval is the beginning of the interval that a moment is in.
func interval(at time.Time, every time.Duration) time.Time { return at.UTC().Truncate(every) }

// perInstance are the newest samples, for the metrics endpoint.
func (u *usage) perInstance() []metrics.InstanceSample {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []metrics.InstanceSample
	for id, s := range u.samples {
		out = append(out, metrics.InstanceSample{ID: id, CPU: s.used.CPU, DiskReadBytes: s.used.ReadBytes, DiskWriteBytes: s.used.WriteBytes,
			DiskReadOps: s.used.ReadOps, DiskWriteOps: s.used.WriteOps, NetInBytes: s.used.NetIn, NetOutBytes: s.used.NetOut})
	}
	slices.SortFunc(out, func(x, y metrics.InstanceSample) int { return compareText(x.ID, y.ID) })
	return out
}

func compareText(x, y string) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// watchMetrics ties the gauges to what they measure.
func (a *Agent) watchMetrics() error {
	sources := metrics.Sources{
		Raft: a.truth.sample,
		Instances: func() map[string]int {
			out := map[string]int{}
			for i := range state.Instances.List(a.region.Local(), state.ByNode, a.id.NodeID) {
				out[i.State.String()]++
			}
			return out
		},
		Capacity: func() metrics.CapacitySample {
			used := a.region.Local().Allocated(a.id.NodeID)
			return metrics.CapacitySample{VCPUs: float64(a.host.schedulable.MilliCPU) / 1000, AllocatedVCPUs: float64(used.MilliCPU) / 1000,
				MemoryBytes: uint64(a.host.schedulable.MemoryMiB) << 20, AllocatedMemoryBytes: uint64(used.MemoryMiB) << 20}
		},
		Members:      a.memberCounts,
		Certificates: a.certificateEnds,
		MetricStore: func() metrics.MetricStoreSample {
			bytes, subjects := a.meter.store.Usage()
			return metrics.MetricStoreSample{Bytes: uint64(bytes), Subjects: subjects}
		},
	}
	if a.config.Telemetry.InstanceMetrics {
		sources.PerInstance = a.usage.perInstance
	}
	return a.metrics.Watch(sources)
}

// certificateEnds is when the node's certificates end.
func (a *Agent) certificateEnds() map[string]time.Time {
	out := map[string]time.Time{"node": a.truth.identity.NotAfter()}
	if a.edge != nil {
		out["api"] = a.edge.NotAfter()
	}
	return out
}

// serveMetrics serves the Prometheus endpoint until the context ends.
func (a *Agent) serveMetrics(ctx context.Context) error {
	if !a.config.Telemetry.Prometheus {
		return nil
	}
	addr := string(a.config.Listen.Metrics)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return busy(err, "listen.metrics", addr)
	}
	a.metricsAddr.Store(l.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		_ = server.Close() // a scrape under way is repeated by its scraper
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	<-stopped
	return nil
}
