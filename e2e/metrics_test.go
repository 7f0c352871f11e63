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
	"time"
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
	r.watchCPU(t, id)
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

// watchCPU waits for datapoints of a minute each, which only detailed monitoring gives, with the AWS CLI and with
// botocore in each protocol that it speaks for CloudWatch.
func (r *region) watchCPU(t *testing.T, id string) {
	t.Helper()
	metric := params{"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": list{params{"Name": "InstanceId", "Value": id}}}
	from, to := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	eventually(t, "two minutes of CPU use of "+id+" in CloudWatch", func() (bool, string) {
		out := r.aws(t, "cloudwatch", "get-metric-statistics", "--namespace", "AWS/EC2", "--metric-name", "CPUUtilization", "--dimensions", "Name=InstanceId,Value="+id,
			"--start-time", from, "--end-time", to, "--period", "60", "--statistics", "Average", "SampleCount", "--query", "Datapoints[].Average", "--output", "text")
		return len(strings.Fields(out)) >= 2, out
	})
	for _, service := range []string{"cloudwatch", "cloudwatch/smithy-rpc-v2-cbor", "cloudwatch/json", "cloudwatch/query"} {
		call := func(operation string, p params) map[string]any {
			t.Helper()
			out, refused, err := r.driver.call(nil, service, operation, p)
			if err != nil || refused != nil {
				t.Fatalf("%s %s: %v %v", service, operation, refused, err)
			}
			return out
		}
		out := call("GetMetricData", params{"StartTime": from, "EndTime": to, "ScanBy": "TimestampAscending", "MetricDataQueries": list{
			params{"Id": "cpu", "MetricStat": params{"Metric": metric, "Period": 60, "Stat": "Maximum"}}}})
		values, _ := dig(out, "MetricDataResults", 0, "Values").([]any)
		for _, v := range values {
			if use, ok := v.(float64); !ok || use < 0 || use > 100 {
				t.Errorf("%s: a CPU use of %v", service, v)
			}
		}
		if len(values) < 2 || dig(out, "MetricDataResults", 0, "StatusCode") != "Complete" {
			t.Errorf("%s: %v", service, out)
		}
		listed := fmt.Sprint(call("ListMetrics", params{"Dimensions": list{params{"Name": "InstanceId", "Value": id}}}))
		for _, name := range []string{"CPUUtilization", "EBSWriteBytes", "StatusCheckFailed_System"} {
			if !strings.Contains(listed, name) {
				t.Errorf("%s: %s is not listed in %s", service, name, listed)
			}
		}
		_, refused, err := r.driver.call(nil, service, "GetMetricData", params{"StartTime": from, "EndTime": to, "MetricDataQueries": list{params{"Id": "e", "Expression": "1+1"}}})
		if err != nil || refused == nil || refused.Code != "UnsupportedOperation" || !strings.Contains(refused.Message, "MetricDataQueries.member.1.Expression") || refused.Status != 400 {
			t.Errorf("%s: metric math: %v %v", service, refused, err)
		}
		_, refused, err = r.driver.call(nil, service, "GetMetricStatistics", params{"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "StartTime": to, "EndTime": from, "Period": 60, "Statistics": list{"Sum"}})
		if err != nil || refused == nil || refused.Code != "InvalidParameterValue" {
			t.Errorf("%s: a time that goes back: %v %v", service, refused, err)
		}
	}
}
