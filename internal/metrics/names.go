// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// definition declares one metric.
type definition struct {
	name   string
	kind   string // counter, gauge or histogram
	labels []string
	help   string
}

func (d definition) desc() *prometheus.Desc {
	return prometheus.NewDesc(d.name, d.help, d.labels, nil)
}

var (
	apiRequests = definition{"hive_api_requests_total", "counter", []string{"service", "action", "code"}, "API requests answered, by AWS service, action and error code; code is OK for success."}
	apiDuration = definition{"hive_api_request_duration_seconds", "histogram", []string{"service", "action"}, "Time from the first byte read to the last byte answered."}
	apiInFlight = definition{"hive_api_requests_in_flight", "gauge", nil, "API requests being answered."}

	raftApply    = definition{"hive_raft_apply_duration_seconds", "histogram", nil, "Time from proposing a command to its result."}
	raftIsLeader = definition{"hive_raft_is_leader", "gauge", nil, "1 when this node leads the region's log."}
	raftTerm     = definition{"hive_raft_term", "gauge", nil, "Current term."}
	raftLast     = definition{"hive_raft_last_log_index", "gauge", nil, "Last index in this node's log."}
	raftApplied  = definition{"hive_raft_applied_index", "gauge", nil, "Last index applied to this node's state."}

	gossipMembers = definition{"hive_gossip_members", "gauge", []string{"state"}, "Members this node knows, by state."}

	schedulerDecisions = definition{"hive_scheduler_decisions_total", "counter", []string{"result"}, "Placements decided, by result."}
	instances          = definition{"hive_instances", "gauge", []string{"state"}, "Instances assigned to this node, by state."}
	instanceStart      = definition{"hive_instance_start_duration_seconds", "histogram", []string{"phase"}, "Time an instance start spent in each phase."}

	nodeVCPUs           = definition{"hive_node_capacity_vcpus", "gauge", nil, "vCPUs this node sells."}
	nodeMemory          = definition{"hive_node_capacity_memory_bytes", "gauge", nil, "Memory this node sells."}
	nodeAllocatedVCPUs  = definition{"hive_node_allocated_vcpus", "gauge", nil, "vCPUs given to instances."}
	nodeAllocatedMemory = definition{"hive_node_allocated_memory_bytes", "gauge", nil, "Memory given to instances."}
	nodeDiskFree        = definition{"hive_node_disk_free_bytes", "gauge", []string{"store"}, "Free space of each store's file system."}

	instanceCPU        = definition{"hive_instance_cpu_seconds_total", "counter", []string{"instance_id"}, "CPU time the guest used."}
	instanceDiskBytes  = definition{"hive_instance_disk_bytes_total", "counter", []string{"instance_id", "direction"}, "Bytes the guest read from and wrote to its volumes."}
	instanceDiskOps    = definition{"hive_instance_disk_ops_total", "counter", []string{"instance_id", "direction"}, "Requests the guest sent to its volumes."}
	instanceNetBytes   = definition{"hive_instance_network_bytes_total", "counter", []string{"instance_id", "direction"}, "Bytes the guest received and sent."}
	instanceNetPackets = definition{"hive_instance_network_packets_total", "counter", []string{"instance_id", "direction"}, "Packets the guest received and sent."}

	storeBytes    = definition{"hive_metric_store_bytes", "gauge", nil, "Bytes that the samples behind the CloudWatch API take on this node."}
	storeSubjects = definition{"hive_metric_store_subjects", "gauge", nil, "Instances, volumes and nodes with samples on this node."}

	certExpiry = definition{"hive_certificate_expiry_timestamp_seconds", "gauge", []string{"certificate"}, "When each certificate of this node ends, in Unix time."}
	buildInfo  = definition{"hive_build_info", "gauge", []string{"version", "revision", "goversion"}, "1, with the build in its labels."}
)

// definitions lists every metric in the order of the reference page.
var definitions = []definition{
	apiRequests, apiDuration, apiInFlight,
	raftApply, raftIsLeader, raftTerm, raftLast, raftApplied,
	gossipMembers, schedulerDecisions, instances, instanceStart,
	nodeVCPUs, nodeMemory, nodeAllocatedVCPUs, nodeAllocatedMemory, nodeDiskFree,
	instanceCPU, instanceDiskBytes, instanceDiskOps, instanceNetBytes, instanceNetPackets,
	storeBytes, storeSubjects, certExpiry, buildInfo,
}

// Reference is docs/reference/metrics.md, written from the definitions.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, d := range definitions {
		labels := "none"
		if len(d.labels) > 0 {
			labels = "`" + strings.Join(d.labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.name, d.kind, labels, d.help)
	}
	b.WriteString(referenceTail)
	return b.String()
}

const referenceHead = `# Metrics

<!-- Generated from internal/metrics by "make generate"; do not edit. -->

The agent serves these on ` + "`listen.metrics`" + ` at ` + "`/metrics`" + ` in the Prometheus text format. Units are SI base units.
` + "`hive_instance_*`" + ` is there while ` + "`telemetry.instance_metrics`" + ` is true.

| metric | type | labels | meaning |
|---|---|---|---|
`

const referenceTail = `
The libraries below add their own: ` + "`hive_raft_*`" + ` and ` + "`hive_memberlist_*`" + ` series that are not in the table come from
hashicorp/raft and hashicorp/memberlist, ` + "`go_*`" + ` and ` + "`process_*`" + ` from the Go runtime. They follow those projects, not this page.
`
