// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	libraries "github.com/hashicorp/go-metrics/compat"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the reference page; review the diff")

func scrape(t *testing.T, r *Registry) string {
	t.Helper()
	rec := httptest.NewRecorder()
	r.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil || rec.Code != 200 {
		t.Fatalf("status %d, %v: %s", rec.Code, err, body)
	}
	return string(body)
}

func everything() Sources {
	return Sources{
		Raft:         func() RaftSample { return RaftSample{Leader: true, Term: 3, LastLogIndex: 42, AppliedIdx: 41} },
		Members:      func() map[string]int { return map[string]int{"alive": 3} },
		Instances:    func() map[string]int { return map[string]int{"running": 2, "stopped": 1} },
		Capacity:     func() CapacitySample { return CapacitySample{4, 2, 8 << 30, 1 << 30} },
		DiskFree:     func() map[string]uint64 { return map[string]uint64{"volumes": 1 << 40} },
		Certificates: func() map[string]time.Time { return map[string]time.Time{"node": time.Unix(1900000000, 0)} },
		MetricStore:  func() MetricStoreSample { return MetricStoreSample{1 << 20, 7} },
		PerInstance: func() []InstanceSample {
			return []InstanceSample{{ID: "i-0123456789abcdef0", CPU: 1500 * time.Millisecond, DiskReadBytes: 7, NetOutPackets: 9}}
		},
	}
}

// Whatever the reference page promises is in a scrape of a busy node.
func TestEveryDefinedMetric_IsScraped(t *testing.T) {
	t.Parallel()
	r := New("1.2.3", "abc")
	if err := r.Watch(everything()); err != nil {
		t.Fatal(err)
	}
	r.APIStarted()()
	r.APIRequest("ec2", "RunInstances", "OK", 12*time.Millisecond)
	r.RaftApplied(time.Millisecond)
	r.Scheduled("placed")
	r.InstancePhase("boot", time.Second)
	text := scrape(t, r)
	for _, d := range definitions {
		if !strings.Contains(text, "# TYPE "+d.name+" "+d.kind+"\n") {
			t.Errorf("%s is not exported as a %s", d.name, d.kind)
		}
	}
	for _, line := range []string{
		`hive_api_requests_total{action="RunInstances",code="OK",service="ec2"} 1`,
		`hive_raft_is_leader 1`, `hive_instances{state="running"} 2`, `hive_node_allocated_vcpus 2`,
		`hive_instance_cpu_seconds_total{instance_id="i-0123456789abcdef0"} 1.5`,
		`hive_instance_network_packets_total{direction="out",instance_id="i-0123456789abcdef0"} 9`,
		`hive_api_request_duration_seconds_bucket{action="RunInstances",service="ec2",le="0.025"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

func TestSourcesLeftOut_ExportNothing(t *testing.T) {
	t.Parallel()
	r := New("dev", "")
	if err := r.Watch(Sources{}); err != nil {
		t.Fatal(err)
	}
	if text := scrape(t, r); strings.Contains(text, "hive_raft_is_leader") || strings.Contains(text, "hive_instance_cpu") {
		t.Error("a metric without a source")
	}
}

// Names invented by clients do not become labels.
func TestUnknownActions_ShareOneLabel(t *testing.T) {
	t.Parallel()
	r := New("dev", "")
	for i := range 100 {
		r.APIRequest("ec2", fmt.Sprintf("Nonsense%d", i), "InvalidAction", time.Millisecond)
	}
	text := scrape(t, r)
	if strings.Contains(text, "Nonsense") || !strings.Contains(text, `hive_api_requests_total{action="unknown",code="InvalidAction",service="ec2"} 100`) {
		t.Error("client-made action names became labels")
	}
}

// The sink is global, so this test must not run beside another that uses it.
func TestLibraryMetrics_AppearUnderHive(t *testing.T) {
	r := New("dev", "")
	if err := r.CaptureLibraries(); err != nil {
		t.Fatal(err)
	}
	libraries.SetGauge([]string{"raft", "peers"}, 3)
	libraries.IncrCounterWithLabels([]string{"memberlist", "udp", "sent"}, 5, []libraries.Label{{Name: "network", Value: "n"}})
	text := scrape(t, r)
	for _, line := range []string{"hive_raft_peers 3", `hive_memberlist_udp_sent{network="n"} 5`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

func TestNames_FollowTheConventions(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^hive_[a-z]+(_[a-z]+)*$`)
	for _, d := range definitions {
		if !form.MatchString(d.name) {
			t.Errorf("%s: not a name", d.name)
		}
		if strings.HasSuffix(d.name, "_total") != (d.kind == "counter") {
			t.Errorf("%s: counters and only counters end in _total", d.name)
		}
		if d.kind == "histogram" && !strings.HasSuffix(d.name, "_seconds") && !strings.HasSuffix(d.name, "_bytes") {
			t.Errorf("%s: a histogram without a unit", d.name)
		}
		if !strings.HasSuffix(d.help, ".") {
			t.Errorf("%s: help is not a sentence", d.name)
		}
	}
}

func TestReference_IsCurrent(t *testing.T) {
	t.Parallel()
	const path = "../../docs/reference/metrics.md"
	if *rewrite {
		if err := os.WriteFile(path, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), Reference()); diff != "" {
		t.Errorf("run go test -rewrite and review:\n%s", diff)
	}
}

// Alerts and dashboards name only metrics that exist.
func TestContrib_UsesKnownMetrics(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, d := range definitions {
		known[d.name] = true
		if d.kind == "histogram" {
			known[d.name+"_bucket"], known[d.name+"_sum"], known[d.name+"_count"] = true, true, true
		}
	}
	name := regexp.MustCompile(`\bhive_[a-z_]+\b`)
	for _, path := range []string{"../../contrib/prometheus/rules.yml", "../../contrib/grafana/hive-region.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := name.FindAllString(string(text), -1)
		if len(found) < 5 {
			t.Errorf("%s: only %d metrics", path, len(found))
		}
		for _, n := range found {
			if !known[n] {
				t.Errorf("%s: no metric %s", path, n)
			}
		}
	}
}
