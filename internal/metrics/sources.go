// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are asked at every scrape. A nil function leaves its metrics out. Each
// is called from the scraping goroutine and has to return quickly; none may
// block on the network.
type Sources struct {
	Raft         func() RaftSample
	Members      func() map[string]int // gossip state -> members
	Instances    func() map[string]int // instance state -> instances of this node
	Capacity     func() CapacitySample
	DiskFree     func() map[string]uint64    // store -> bytes
	Certificates func() map[string]time.Time // certificate -> end of validity
	PerInstance  func() []InstanceSample
	MetricStore  func() MetricStoreSample
}

// RaftSample is where the region's log stands on this node.
type RaftSample struct {
	Leader                         bool
	Term, LastLogIndex, AppliedIdx uint64
}

// CapacitySample is what this node sells and has sold.
type CapacitySample struct {
	VCPUs, AllocatedVCPUs             float64
	MemoryBytes, AllocatedMemoryBytes uint64
}

// MetricStoreSample is what the store of the CloudWatch API takes on this node.
type MetricStoreSample struct {
	Bytes    uint64
	Subjects int
}

// InstanceSample holds one guest's counters since its start.
type InstanceSample struct {
	ID                            string
	CPU                           time.Duration
	DiskReadBytes, DiskWriteBytes uint64
	DiskReadOps, DiskWriteOps     uint64
	NetInBytes, NetOutBytes       uint64
	NetInPackets, NetOutPackets   uint64
}

// Watch adds the sources to the registry. It may be called once.
func (r *Registry) Watch(s Sources) error {
	if err := r.prom.Register(sourceCollector{s}); err != nil {
		return fmt.Errorf("register metric sources: %w", err)
	}
	return nil
}

type sourceCollector struct{ s Sources }

var _ prometheus.Collector = sourceCollector{}

// Describe names every metric a source may yield.
func (sourceCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []definition{
		raftIsLeader, raftTerm, raftLast, raftApplied, gossipMembers, instances,
		nodeVCPUs, nodeMemory, nodeAllocatedVCPUs, nodeAllocatedMemory, nodeDiskFree, certExpiry, storeBytes, storeSubjects,
		instanceCPU, instanceDiskBytes, instanceDiskOps, instanceNetBytes, instanceNetPackets,
	} {
		out <- d.desc()
	}
}

// Collect asks every source.
func (c sourceCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d definition, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d.desc(), prometheus.GaugeValue, v, labels...)
	}
	if c.s.Raft != nil {
		r := c.s.Raft()
		leader := 0.0
		if r.Leader {
			leader = 1
		}
		gauge(raftIsLeader, leader)
		gauge(raftTerm, float64(r.Term))
		gauge(raftLast, float64(r.LastLogIndex))
		gauge(raftApplied, float64(r.AppliedIdx))
	}
	c.collectCounts(gauge)
	if c.s.Capacity != nil {
		n := c.s.Capacity()
		gauge(nodeVCPUs, n.VCPUs)
		gauge(nodeMemory, float64(n.MemoryBytes))
		gauge(nodeAllocatedVCPUs, n.AllocatedVCPUs)
		gauge(nodeAllocatedMemory, float64(n.AllocatedMemoryBytes))
	}
	if c.s.MetricStore != nil {
		s := c.s.MetricStore()
		gauge(storeBytes, float64(s.Bytes))
		gauge(storeSubjects, float64(s.Subjects))
	}
	if c.s.PerInstance != nil {
		for _, i := range c.s.PerInstance() {
			collectInstance(out, i)
		}
	}
}

func (c sourceCollector) collectCounts(gauge func(definition, float64, ...string)) {
	if c.s.Members != nil {
		for state, n := range c.s.Members() {
			gauge(gossipMembers, float64(n), state)
		}
	}
	if c.s.Instances != nil {
		for state, n := range c.s.Instances() {
			gauge(instances, float64(n), state)
		}
	}
	if c.s.DiskFree != nil {
		for store, n := range c.s.DiskFree() {
			gauge(nodeDiskFree, float64(n), store)
		}
	}
	if c.s.Certificates != nil {
		for name, end := range c.s.Certificates() {
			gauge(certExpiry, float64(end.Unix()), name)
		}
	}
}

func collectInstance(out chan<- prometheus.Metric, i InstanceSample) {
	count := func(d definition, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d.desc(), prometheus.CounterValue, v, labels...)
	}
	count(instanceCPU, i.CPU.Seconds(), i.ID)
	count(instanceDiskBytes, float64(i.DiskReadBytes), i.ID, "read")
	count(instanceDiskBytes, float64(i.DiskWriteBytes), i.ID, "write")
	count(instanceDiskOps, float64(i.DiskReadOps), i.ID, "read")
	count(instanceDiskOps, float64(i.DiskWriteOps), i.ID, "write")
	count(instanceNetBytes, float64(i.NetInBytes), i.ID, "in")
	count(instanceNetBytes, float64(i.NetOutBytes), i.ID, "out")
	count(instanceNetPackets, float64(i.NetInPackets), i.ID, "in")
	count(instanceNetPackets, float64(i.NetOutPackets), i.ID, "out")
}
