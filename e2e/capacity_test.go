// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// ownRegion starts a region for one test and ends it with the test.
func ownRegion(t *testing.T, extra string) *region {
	t.Helper()
	n, err := newNode(extra)
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, n)
}

// opened starts an initialised node as a region.
func opened(t *testing.T, n *node) *region {
	t.Helper()
	r := &region{node: n}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the agent's log:\n%s", n.tail("agent.log"))
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	return r
}

// nodeRow is the part of hive node list that tells what is sold.
type nodeRow struct {
	VCPUs           float64 `json:"vcpus"`
	VCPUsAllocated  float64 `json:"vcpusAllocated"`
	Memory          uint64  `json:"memory"`
	MemoryAllocated uint64  `json:"memoryAllocated"`
	Instances       int     `json:"instances"`
}

func (r *region) nodeRow(t *testing.T) nodeRow {
	t.Helper()
	out, err := r.node.run(context.Background(), "node", "list", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var l struct{ Items []nodeRow }
	if err := json.Unmarshal(out, &l); err != nil || len(l.Items) != 1 {
		t.Fatalf("node list: %v\n%s", err, out)
	}
	return l.Items[0]
}

// TestCapacity_OnlyTheShareIsSold: a node sells its share and no more; a launch gets what fits between its MinCount and
// MaxCount or nothing; a stopped instance gives its room back and has to find room to start.
func TestCapacity_OnlyTheShareIsSold(t *testing.T) {
	// All processors but one are kept back: at the burstable ratio of 4 that is room for two t3.nano of 2 vCPUs.
	r := ownRegion(t, fmt.Sprintf("compute {\n  reserve_cpu = %d\n}\n", runtime.NumCPU()-1))
	row := r.nodeRow(t)
	if row.VCPUs != 1 || row.Memory == 0 || row.Memory >= memoryOfMachine(t) {
		t.Fatalf("the node sells %v processors and %d bytes of memory of %d, want 1 and less than all", row.VCPUs, row.Memory, memoryOfMachine(t))
	}
	run := func(least, most int) params {
		return params{"ImageId": r.image, "InstanceType": "t3.nano", "KeyName": "e2e", "MinCount": least, "MaxCount": most}
	}
	full := func(p params) {
		t.Helper()
		if f := r.refused(t, "RunInstances", p, "InsufficientInstanceCapacity"); !strings.Contains(f.Message, "t3.nano") {
			t.Errorf("the refusal does not name the type: %s", f.Message)
		}
	}
	full(run(3, 3))
	full(run(3, 10))
	if rows, _ := r.ok(t, "DescribeInstances", nil)["Reservations"].([]any); len(rows) != 0 {
		t.Fatalf("refused launches left %v", rows)
	}
	if n := len(r.fitting(t)); n != 2 {
		t.Errorf("DescribeInstanceTypes says that %d of t3.nano fit, want 2", n)
	}
	made, _ := r.ok(t, "RunInstances", run(1, 5))["Instances"].([]any)
	if len(made) != 2 {
		t.Fatalf("a launch of one to five got %d", len(made))
	}
	first, second := dig(made, 0, "InstanceId").(string), dig(made, 1, "InstanceId").(string)
	full(run(1, 1))
	if n := len(r.fitting(t)); n != 0 {
		t.Errorf("DescribeInstanceTypes says that %d of t3.nano fit into a full node", n)
	}
	if row := r.nodeRow(t); row.VCPUsAllocated != 1 || row.MemoryAllocated < 2*512<<20 || row.MemoryAllocated > row.Memory {
		t.Errorf("a full node has sold %v processors and %d of %d bytes", row.VCPUsAllocated, row.MemoryAllocated, row.Memory)
	}
	r.reach(t, first, "running")
	r.ok(t, "StopInstances", params{"InstanceIds": list{first}, "Force": true})
	r.reach(t, first, "stopped")
	third := dig(r.ok(t, "RunInstances", run(1, 2)), "Instances", 0, "InstanceId").(string)
	r.refused(t, "StartInstances", params{"InstanceIds": list{first}}, "InsufficientInstanceCapacity")
	if s := dig(r.describe(t, first), "State", "Name"); s != "stopped" {
		t.Errorf("an instance that found no room is %v", s)
	}
	r.ok(t, "TerminateInstances", params{"InstanceIds": list{second}})
	r.reach(t, second, "terminated")
	r.ok(t, "StartInstances", params{"InstanceIds": list{first}})
	r.reach(t, first, "running")
	r.reach(t, third, "running")
	full(run(1, 1))
}

// fitting are the rows of t3.nano that Hive's own filter shows: one for each instance that fits now.
func (r *region) fitting(t *testing.T) []any {
	t.Helper()
	rows, _ := r.ok(t, "DescribeInstanceTypes", params{"Filters": list{params{"Name": "capacity", "Values": list{"true"}}, params{"Name": "instance-type", "Values": list{"t3.nano"}}}})["InstanceTypes"].([]any)
	return rows
}

// memoryOfMachine is the machine's memory in bytes.
func memoryOfMachine(t *testing.T) uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	var kib uint64
	if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB", &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
