// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hivecloud/hive/internal/admin"
)

// nodeFixture is what the stand-in agent answers about nodes.
var nodeFixture = map[string]any{
	admin.RouteNode: admin.NodeDetail{
		Node: admin.Node{Node: "node2", NodeID: "n-node2", AZ: "us-east-1a", FailureDomain: "rack2", State: "draining", Caps: []string{"ec2", "raft"}, Accelerator: "tcg",
			Version: "0.1.0", VCPUs: 8, VCPUsAllocated: 2.5, Memory: 16 << 30, MemoryAllocated: 1 << 30, Instances: 1, Lease: when},
		Address: "10.0.0.2:8443", API: "10.0.0.2:9443", CPU: "EPYC", RegisteredAt: when, Epoch: 3, Fenced: true, DrainAt: when,
		Holding: []admin.Instance{{ID: "i-0123456789abcdef0", State: "stopping"}, {ID: "i-0123456789abcdef1", State: "stopped"}},
	},
	admin.RouteNodeCordon:       admin.Node{Node: "node2", State: "cordoned", Instances: 1},
	admin.RouteNodeUndrain:      admin.Node{Node: "node2", State: "ready"},
	admin.RouteNodeDrain:        admin.DrainEvent{Step: "nothing runs on the node any more", Done: true},
	admin.RouteNodeRemoval:      admin.Removal{Node: "node2", NodeID: "n-node2", Instances: 1, Volumes: 2, Voter: true, Voters: 3, Tolerates: 1},
	admin.RouteNodeRemove:       admin.Removal{Node: "node2", NodeID: "n-node2"},
	admin.RouteNodeCapabilities: admin.Node{Node: "node2", Caps: []string{"api", "raft"}},
	admin.RouteUpgrade: admin.Upgrade{Level: 1, Newest: 2, Nodes: []admin.UpgradeNode{
		{ID: "n-node1", Name: "node1", Version: "0.2.0", FormatLevel: 2}, {ID: "n-node2", Name: "node2", Version: "0.2.0", FormatLevel: 2, Lost: true}}},
	admin.RouteUpgradeFinalize: admin.Upgrade{Level: 2, Newest: 2},
	admin.RouteEvents:          admin.Event{Seq: 7, At: when, Kind: "node.lost", Node: "node2", NodeID: "n-node2", Message: "The node node2 was lost: its lease ended."},
}

func init() {
	for route, answer := range nodeFixture {
		fixture[route] = answer
	}
}

// What the commands about nodes print on both streams, and their exit codes.
func TestNodeTranscript_Golden(t *testing.T) {
	t.Parallel()
	dir := standIn(t)
	lines := []string{
		"node show node2", "node show node2 -o wide", "node cordon node2", "node uncordon node2", "node drain node2", "node drain node2 --no-wait", "node undrain node2",
		"node remove node2", "node remove node2 --force", "node remove node2 --yes", "node set-capabilities node2 api,raft",
		"events", "events -o wide", "events -o json", "events --follow", "events --follow -o json",
		"admin upgrade status", "admin upgrade finalize", "admin upgrade finalize --yes",
		// faults
		"node show", "node show i-9", "node drain", "node set-capabilities node2", "events now",
	}
	var b strings.Builder
	for _, line := range lines {
		stdout, stderr, code := invoke(t, nil, append(strings.Fields(line), "--data-dir", dir)...)
		fmt.Fprintf(&b, "$ hive %s\n%s", line, stdout)
		for text := range strings.Lines(stderr) {
			b.WriteString("! " + text)
		}
		fmt.Fprintf(&b, "= %d\n\n", code)
	}
	golden(t, "testdata/nodes.golden", strings.ReplaceAll(b.String(), dir, "DATA"))
}
