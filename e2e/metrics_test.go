// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// scrape reads the metrics endpoint: series with their labels, as they are written there, to values.
func (r *region) scrape(t *testing.T) map[string]float64 {
	t.Helper()
	out, err := r.node.run(context.Background(), "admin", "status", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var status struct {
		Item struct {
			Addresses struct {
				Metrics string `json:"metrics"`
			} `json:"addresses"`
		} `json:"item"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + status.Item.Addresses.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	series := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("metric %q: %v", line, err)
		}
		series[line[:at]] = v
	}
	return series
}

// TestMetrics: requests are counted by action and code, a guest's use appears with the guest and goes with it.
func TestMetrics(t *testing.T) {
	r := shared
	id := r.launch(t, nil)
	r.reach(t, id, "running")
	r.ok(t, "MonitorInstances", params{"InstanceIds": list{id}})
	if got := dig(r.describe(t, id), "Monitoring", "State"); got != "enabled" && got != "pending" {
		t.Errorf("monitoring of a monitored instance is %v", got)
	}
	r.ssh(t, id, "dd if=/dev/zero of=/root/written bs=1M count=2 2>/dev/null && sync")

	const good = `hive_api_requests_total{action="DescribeRegions",code="OK",service="ec2"}`
	const bad = `hive_api_requests_total{action="DescribeInstances",code="InvalidInstanceID.NotFound",service="ec2"}`
	before := r.scrape(t)
	for range 7 {
		r.ok(t, "DescribeRegions", nil)
	}
	for range 3 {
		r.refused(t, "DescribeInstances", params{"InstanceIds": list{"i-00000000000000001"}}, "InvalidInstanceID.NotFound")
	}
	after := r.scrape(t)
	if n := after[good] - before[good]; n != 7 {
		t.Errorf("seven calls of DescribeRegions counted as %v", n)
	}
	if n := after[bad] - before[bad]; n != 3 {
		t.Errorf("three refused calls of DescribeInstances counted as %v", n)
	}
	if after[`hive_instances{state="running"}`] < 1 || after["hive_raft_is_leader"] != 1 || after["hive_raft_applied_index"] < 1 {
		t.Errorf("running instances %v, leader %v, applied index %v", after[`hive_instances{state="running"}`], after["hive_raft_is_leader"], after["hive_raft_applied_index"])
	}
	if sold, of := after["hive_node_allocated_memory_bytes"], after["hive_node_capacity_memory_bytes"]; sold <= 0 || sold > of {
		t.Errorf("%v bytes of memory allocated of %v", sold, of)
	}

	use := func(name, labels string) string { return "hive_instance_" + name + "_total{" + labels + "}" }
	who := `instance_id="` + id + `"`
	eventually(t, "use of "+id+" in metrics", func() (bool, string) {
		now := r.scrape(t)
		cpu, read, wrote := now[use("cpu_seconds", who)], now[use("disk_bytes", `direction="read",`+who)], now[use("disk_bytes", `direction="write",`+who)]
		return cpu > 0 && read > 1<<20 && wrote > 0, fmt.Sprintln("cpu", cpu, "read", read, "wrote", wrote)
	})
	r.ok(t, "StopInstances", params{"InstanceIds": list{id}, "Force": true})
	r.reach(t, id, "stopped")
	eventually(t, "metrics of a stopped guest gone", func() (bool, string) {
		for name := range r.scrape(t) {
			if strings.Contains(name, id) {
				return false, name
			}
		}
		return true, ""
	})
}
