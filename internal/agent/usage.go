// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metrics"
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
	at   time.Time
	used executor.Usage
}

func newUsage(a *Agent) *usage { return &usage{a: a, samples: map[string]sample{}} }

// run samples until the context ends.
func (u *usage) run(ctx context.Context) error {
	for sleep(ctx, usagePass) == nil {
		u.pass(ctx, time.Now())
	}
	return nil
}

// pass samples the guests that are due and forgets those that are gone.
func (u *usage) pass(ctx context.Context, now time.Time) {
	view := u.a.region.Local()
	var due []string
	u.mu.Lock()
	for id := range u.samples {
		if i, ok := state.Instances.Get(view, state.AnyAccount, id); !ok || i.NodeID != u.a.id.NodeID || i.State != state.Running {
			delete(u.samples, id)
		}
	}
	for i := range state.Instances.List(view, state.ByNode, u.a.id.NodeID) {
		every := basicMonitoring
		if i.Monitoring {
			every = detailedMonitoring
		}
		if s, ok := u.samples[i.ID]; i.State == state.Running && (!ok || now.Sub(s.at) >= every-usagePass/2) {
			due = append(due, i.ID)
		}
	}
	u.mu.Unlock()
	if len(due) == 0 {
		return
	}
	for id, used := range u.a.exec.Usages(ctx, due) {
		u.mu.Lock()
		u.samples[id] = sample{now, used}
		u.mu.Unlock()
	}
}

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
