// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/shirou/gopsutil/v4/cpu"

	"github.com/hivecloud/hive/apigw/cloudwatch"
	"github.com/hivecloud/hive/compute/executor"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metricstore"
	"github.com/hivecloud/hive/internal/rpc"
	"github.com/hivecloud/hive/internal/testcluster"
)

const tenantID = "111111111111"

// values are a sample's values by metric.
func values(s metricstore.Sample) map[string]float64 {
	out := map[string]float64{}
	for _, v := range s.Values {
		out[v.Metric] = v.Value
	}
	return out
}

func instance(monitoring bool) *state.Instance {
	return &state.Instance{ID: "i-1", AccountID: tenantID, Monitoring: monitoring, Shape: state.Shape{VCPUs: 2},
		Devices: []state.Device{{VolumeID: "vol-1"}, {VolumeID: "vol-2"}}}
}

// What is kept is what was used between two readings, under the beginning of the interval that it is about.
func TestMeasured_IsWhatWasUsedSinceTheLastReading(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 8, 10, 3, 0, time.UTC)
	from := sample{at: at.Add(-time.Minute), used: executor.Usage{CPU: time.Minute, ReadOps: 5, NetIn: 100,
		Volumes: map[string]executor.VolumeUsage{"vol-1": {ReadOps: 5, WriteTime: time.Second}}}}
	to := sample{at: at, used: executor.Usage{CPU: 90 * time.Second, ReadOps: 8, WriteOps: 2, NetIn: 150, NetOut: 7,
		Volumes: map[string]executor.VolumeUsage{"vol-1": {ReadOps: 8, WriteOps: 2, WriteTime: 1500 * time.Millisecond}}}}
	got := measured(instance(true), from, to)
	if len(got) != 2 { // vol-2 is not in the reading
		t.Fatalf("%d samples", len(got))
	}
	want := map[string]float64{metricstore.CPUPercent: 25, metricstore.ReadOps: 3, metricstore.WriteOps: 2, metricstore.ReadBytes: 0, metricstore.WriteBytes: 0,
		metricstore.NetInBytes: 50, metricstore.NetOutBytes: 7}
	if diff := cmp.Diff(want, values(got[0])); diff != "" || got[0].Subject != (metricstore.Subject{Account: tenantID, Kind: "instance", ID: "i-1"}) {
		t.Errorf("%v\n%s", got[0].Subject, diff)
	}
	want = map[string]float64{metricstore.ReadOps: 3, metricstore.WriteOps: 2, metricstore.ReadBytes: 0, metricstore.WriteBytes: 0, metricstore.ReadSeconds: 0, metricstore.WriteSeconds: 0.5}
	if diff := cmp.Diff(want, values(got[1])); diff != "" || got[1].Subject.ID != "vol-1" {
		t.Errorf("%v\n%s", got[1].Subject, diff)
	}
	if minute := time.Date(2026, 11, 23, 8, 9, 0, 0, time.UTC); !got[0].At.Equal(minute) || !got[1].At.Equal(minute) {
		t.Errorf("about %s", got[0].At)
	}
	if basic := measured(instance(false), from, to); !basic[0].At.Equal(time.Date(2026, 11, 23, 8, 5, 0, 0, time.UTC)) {
		t.Errorf("basic monitoring: about %s", basic[0].At)
	}
}

// A guest whose hypervisor began anew counts from zero; no counter makes a negative or an impossible use.
func TestMeasured_AfterARestartOfTheGuest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 8, 10, 3, 0, time.UTC)
	from := sample{at: at.Add(-time.Minute), used: executor.Usage{CPU: time.Hour, ReadOps: 500}}
	got := values(measured(instance(true), from, sample{at: at, used: executor.Usage{CPU: 12 * time.Second, ReadOps: 4}})[0])
	if got[metricstore.CPUPercent] != 10 || got[metricstore.ReadOps] != 4 {
		t.Errorf("got %v", got)
	}
	got = values(measured(instance(true), from, sample{at: at, used: executor.Usage{CPU: 2 * time.Hour}})[0])
	if got[metricstore.CPUPercent] != 100 {
		t.Errorf("got %v", got)
	}
	if got := measured(instance(true), from, sample{at: from.at, used: from.used}); got != nil {
		t.Errorf("of no time: %v", got)
	}
}

func TestBusyPercent(t *testing.T) {
	t.Parallel()
	from := cpu.TimesStat{User: 10, Idle: 90}
	if got, ok := busyPercent(from, cpu.TimesStat{User: 13, System: 2, Iowait: 1, Idle: 94}); !ok || got != 50 {
		t.Errorf("got %v", got)
	}
	if _, ok := busyPercent(from, from); ok {
		t.Error("no time has a use")
	}
}

// meters are the meters of two nodes of one region, "n-test" and "n-b", on a network.
func meters(t *testing.T, region *fsmtest.Region) (a, b *meter, net *testcluster.Network, end func()) {
	t.Helper()
	if err := region.Propose(t.Context(), command.RegisterNode{Node: state.Node{ID: "n-b", Name: "b", Zone: fsmtest.Zone, Caps: []string{"ec2"}, Accel: "tcg", FormatLevel: state.FormatLevel}}, nil); err != nil {
		t.Fatal(err)
	}
	net = testcluster.NewNetwork(1)
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var made []*meter
	for _, id := range []string{fsmtest.NodeID, "n-b"} {
		endpoint := net.Endpoint(id)
		client := rpc.NewClient(endpoint)
		m, err := newMeter(meterConfig{self: id, region: region, client: client, at: layout{t.TempDir()}, logger: hclog.NewNullLogger()})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := endpoint.Listen(rpc.ProtoRPC)
		if err != nil {
			t.Fatal(err)
		}
		server := rpc.NewServer(nil)
		m.serve(server)
		wait.Go(func() { _ = server.Serve(ctx, listener) })
		made = append(made, m)
	}
	return made[0], made[1], net, func() {
		for _, m := range made {
			m.client.Close()
		}
		cancel()
		wait.Wait()
		for _, m := range made {
			if err := m.close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// An instance that moved has samples on two nodes: either answers with all of them, and names the one it cannot ask.
func TestMeters_AnswerForEveryNode(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	synctest.Test(t, func(t *testing.T) {
		a, b, net, end := meters(t, region)
		defer end()
		now := time.Now()
		subject := metricstore.Subject{Account: tenantID, Kind: metricstore.Instance, ID: "i-1"}
		put := func(m *meter, minutes int, metric string, v float64) {
			t.Helper()
			at := now.Add(time.Duration(minutes) * time.Minute)
			if err := m.store.Append(now, metricstore.Sample{Subject: subject, At: at, Values: []metricstore.Value{{Metric: metric, Value: v}}}); err != nil {
				t.Fatal(err)
			}
		}
		put(a, -1, "cpu", 4)
		put(b, -3, "cpu", 2)
		put(b, -2, "disk", 3)
		put(a, -4, "cpu", 1)
		query := cloudwatch.Query{Subject: subject, Metric: "cpu", From: now.Add(-time.Hour), To: now}
		cpus := func(m *meter) (out []float64, missing []string) {
			t.Helper()
			points, missing, err := m.Points(t.Context(), []cloudwatch.Query{query, query, query, query, query})
			if err != nil || len(points) != 5 {
				t.Fatalf("%d series, %v", len(points), err)
			}
			for _, p := range points[4] {
				out = append(out, p.Value)
			}
			return out, missing
		}
		for _, m := range []*meter{a, b} {
			if got, missing := cpus(m); !cmp.Equal(got, []float64{1, 2, 4}) || len(missing) != 0 {
				t.Errorf("%s: %v, missing %v", m.self, got, missing)
			}
			series, missing, err := m.List(t.Context(), tenantID, metricstore.Instance, now.Add(-time.Hour))
			want := []metricstore.Series{{Subject: subject, Metrics: []string{"cpu", "disk"}, Last: now.Add(-time.Minute).UTC()}}
			if diff := cmp.Diff(want, series); diff != "" || err != nil || len(missing) != 0 {
				t.Errorf("%s: %v %v\n%s", m.self, missing, err, diff)
			}
		}
		net.Isolate("n-b")
		if got, missing := cpus(a); !cmp.Equal(got, []float64{1, 4}) || !cmp.Equal(missing, []string{"n-b"}) {
			t.Errorf("with n-b cut off: %v, missing %v", got, missing)
		}
	})
}

// A store that cannot be opened costs the metrics: the node says why, and others say that its data is missing.
func TestMeter_WithoutAStore(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	dir := t.TempDir()
	m, err := newMeter(meterConfig{self: fsmtest.NodeID, region: region, at: layout{dir + "/\x00"}, logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	why := m.fault()
	if why == nil {
		t.Fatal("no fault")
	}
	m.keep(t.Context(), time.Now(), nil, nil)
	if m.fault() != why {
		t.Errorf("the reason became %v", m.fault())
	}
	_, missing, err := m.Points(t.Context(), []cloudwatch.Query{{}})
	if err != nil || !cmp.Equal(missing, []string{fsmtest.NodeID}) {
		t.Errorf("missing %v, %v", missing, err)
	}
}

// Once a minute the node and its running instances have a sample, however often it is asked.
func TestMeter_KeepsStatusesOnceAMinute(t *testing.T) {
	t.Parallel()
	region := fsmtest.NewRegion(t)
	m, err := newMeter(meterConfig{self: fsmtest.NodeID, region: region, at: layout{t.TempDir()}, logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	impaired := instance(false)
	impaired.Impaired = "no heartbeat"
	start := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	for s := 0; s < 180; s += 10 {
		m.keep(t.Context(), start.Add(time.Duration(s)*time.Second), []*state.Instance{impaired}, nil)
	}
	if m.fault() != nil {
		t.Fatal(m.fault())
	}
	for subject, metrics := range map[metricstore.Subject]map[string]float64{
		instanceSubject(impaired):                    {metricstore.CheckFailed: 1, metricstore.CheckFailedInstance: 1, metricstore.CheckFailedSystem: 0},
		{Kind: metricstore.Node, ID: fsmtest.NodeID}: {metricstore.RunningInstances: 1, metricstore.AllocatedVCPUs: 0},
	} {
		for metric, want := range metrics {
			points, err := m.store.Points(time.Now(), subject, metric, start.Add(-time.Hour), time.Now())
			if err != nil || len(points) != 3 || points[0].Value != want || !points[0].At.Equal(start.Add(-time.Minute)) {
				t.Errorf("%v %s: %v, %v", subject, metric, points, err)
			}
		}
	}
}
