// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/internal/metricstore"
)

// cpu asks for the last hour of an instance's CPU.
func cpu(id string) *sdk.GetMetricStatisticsInput {
	return &sdk.GetMetricStatisticsInput{Namespace: aws.String("AWS/EC2"), MetricName: aws.String("CPUUtilization"), Dimensions: of(id),
		StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now), Period: aws.Int32(60), Statistics: []types.Statistic{types.StatisticAverage}}
}

func TestGetMetricStatistics_PutsSamplesIntoPeriods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.measure(t, alice, "i-1", 1, 2, 3, 4, 5, 6)
	in := cpu("i-1")
	in.StartTime = aws.Time(now.Add(-6 * time.Minute)) // 11:54:30 is rounded down to 11:54
	in.Period = aws.Int32(180)
	in.Statistics = types.Statistic("").Values()
	in.ExtendedStatistics = []string{"p50", "p100"}
	out, err := w.GetMetricStatistics(as(t, alice, "GetMetricStatistics"), in)
	if err != nil {
		t.Fatal(err)
	}
	point := func(minute int, low, mid, high float64) types.Datapoint {
		return types.Datapoint{Timestamp: aws.Time(time.Date(2026, 11, 23, 11, minute, 0, 0, time.UTC)), Unit: "Percent", SampleCount: aws.Float64(3),
			Average: aws.Float64(mid), Sum: aws.Float64(3 * mid), Minimum: aws.Float64(low), Maximum: aws.Float64(high),
			ExtendedStatistics: map[string]float64{"p50": mid, "p100": high}}
	}
	want := []types.Datapoint{point(54, 1, 2, 3), point(57, 4, 5, 6)}
	if diff := cmp.Diff(want, out.Datapoints, cmpopts.IgnoreUnexported(types.Datapoint{})); diff != "" || *out.Label != "CPUUtilization" {
		t.Errorf("%s\n%s", *out.Label, diff)
	}
}

// Whatever is not there or not the caller's has no datapoints; that is no error.
func TestGetMetricStatistics_NothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.measure(t, alice, "i-1", 1, 2)
	for name, change := range map[string]func(*sdk.GetMetricStatisticsInput){
		"unknown namespace": func(in *sdk.GetMetricStatisticsInput) { in.Namespace = aws.String("AWS/SQS") },
		"unknown metric":    func(in *sdk.GetMetricStatisticsInput) { in.MetricName = aws.String("CPUCreditBalance") },
		"unknown instance":  func(in *sdk.GetMetricStatisticsInput) { in.Dimensions = of("i-2") },
		"no dimension":      func(in *sdk.GetMetricStatisticsInput) { in.Dimensions = nil },
		"another dimension": func(in *sdk.GetMetricStatisticsInput) { in.Dimensions[0].Name = aws.String("ImageId") },
		"a dimension more": func(in *sdk.GetMetricStatisticsInput) {
			in.Dimensions = append(in.Dimensions, types.Dimension{Name: aws.String("InstanceType"), Value: aws.String("t3.nano")})
		},
		"another unit":  func(in *sdk.GetMetricStatisticsInput) { in.Unit = types.StandardUnitBytes },
		"a time before": func(in *sdk.GetMetricStatisticsInput) { in.EndTime = aws.Time(now.Add(-30 * time.Minute)) },
	} {
		in := cpu("i-1")
		change(in)
		if out, err := w.GetMetricStatistics(as(t, alice, "GetMetricStatistics"), in); err != nil || len(out.Datapoints) != 0 {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
	if out, err := w.GetMetricStatistics(as(t, bob, "GetMetricStatistics"), cpu("i-1")); err != nil || len(out.Datapoints) != 0 {
		t.Errorf("bob sees %v, %v", out, err)
	}
	if out, err := w.GetMetricStatistics(as(t, alice, "GetMetricStatistics"), cpu("i-1")); err != nil || len(out.Datapoints) != 2 {
		t.Errorf("alice sees %v, %v", out, err)
	}
}

func TestGetMetricStatistics_BadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := aws.String(strings.Repeat("x", 256))
	for _, c := range []struct {
		name   string
		change func(*sdk.GetMetricStatisticsInput)
		code   string
	}{
		{"no namespace", func(in *sdk.GetMetricStatisticsInput) { in.Namespace = nil }, "MissingParameter"},
		{"a colon", func(in *sdk.GetMetricStatisticsInput) { in.Namespace = aws.String(":x") }, "InvalidParameterValue"},
		{"no metric", func(in *sdk.GetMetricStatisticsInput) { in.MetricName = nil }, "MissingParameter"},
		{"a long metric", func(in *sdk.GetMetricStatisticsInput) { in.MetricName = long }, "InvalidParameterValue"},
		{"an empty metric", func(in *sdk.GetMetricStatisticsInput) { in.MetricName = aws.String("") }, "InvalidParameterValue"},
		{"no start", func(in *sdk.GetMetricStatisticsInput) { in.StartTime = nil }, "MissingParameter"},
		{"no end", func(in *sdk.GetMetricStatisticsInput) { in.EndTime = nil }, "MissingParameter"},
		{"no time", func(in *sdk.GetMetricStatisticsInput) { in.EndTime = in.StartTime }, "InvalidParameterValue"},
		{"no period", func(in *sdk.GetMetricStatisticsInput) { in.Period = nil }, "MissingParameter"},
		{"a period of zero", func(in *sdk.GetMetricStatisticsInput) { in.Period = aws.Int32(0) }, "InvalidParameterValue"},
		{"a negative period", func(in *sdk.GetMetricStatisticsInput) { in.Period = aws.Int32(-60) }, "InvalidParameterValue"},
		{"an odd period", func(in *sdk.GetMetricStatisticsInput) { in.Period = aws.Int32(61) }, "InvalidParameterValue"},
		{"minutes of last month", func(in *sdk.GetMetricStatisticsInput) {
			in.StartTime, in.EndTime = aws.Time(now.Add(-720*time.Hour)), aws.Time(now.Add(-719*time.Hour))
		}, "InvalidParameterValue"},
		{"no statistics", func(in *sdk.GetMetricStatisticsInput) { in.Statistics = nil }, "InvalidParameterCombination"},
		{"an unknown statistic", func(in *sdk.GetMetricStatisticsInput) { in.Statistics = []types.Statistic{"Median"} }, "InvalidParameterValue"},
		{"a percentile among statistics", func(in *sdk.GetMetricStatisticsInput) { in.Statistics = []types.Statistic{"p50"} }, "InvalidParameterValue"},
		{"p101", func(in *sdk.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"p101"} }, "InvalidParameterValue"},
		{"a trimmed mean", func(in *sdk.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"tm90"} }, "UnsupportedOperation"},
		{"a percentile rank", func(in *sdk.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"PR(:300)"} }, "UnsupportedOperation"},
		{"an unknown unit", func(in *sdk.GetMetricStatisticsInput) { in.Unit = "Apples" }, "InvalidParameterValue"},
		{"a dimension without a value", func(in *sdk.GetMetricStatisticsInput) { in.Dimensions[0].Value = nil }, "MissingParameter"},
		{"a dimension without a name", func(in *sdk.GetMetricStatisticsInput) { in.Dimensions[0].Name = nil }, "MissingParameter"},
		{"31 dimensions", func(in *sdk.GetMetricStatisticsInput) { in.Dimensions = make([]types.Dimension, 31) }, "InvalidParameterValue"},
		{"1441 datapoints", func(in *sdk.GetMetricStatisticsInput) { in.StartTime = aws.Time(now.Add(-24 * time.Hour)) }, "InvalidParameterCombination"},
	} {
		in := cpu("i-1")
		c.change(in)
		if _, err := w.GetMetricStatistics(as(t, alice, "GetMetricStatistics"), in); codeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", c.name, err, c.code)
		}
	}
}

// The operator sees the nodes, nobody else does.
func TestNodeMetrics_AreTheOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := w.samples.store.Append(now, metricstore.Sample{Subject: metricstore.Subject{Kind: metricstore.Node, ID: "n-1"}, At: now.Add(-2 * time.Minute),
		Values: []metricstore.Value{{Metric: metricstore.MemoryPercent, Value: 42}}})
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]int{alice: 1, bob: 0} {
		in := cpu("")
		in.Namespace, in.MetricName, in.Dimensions = aws.String("Hive/Node"), aws.String("MemoryUtilization"), []types.Dimension{{Name: aws.String("NodeId"), Value: aws.String("n-1")}}
		out, err := w.GetMetricStatistics(as(t, account, "GetMetricStatistics"), in)
		if err != nil || len(out.Datapoints) != want {
			t.Errorf("%s: %v, %v", account, out, err)
		}
		listed, err := w.ListMetrics(as(t, account, "ListMetrics"), &sdk.ListMetricsInput{Namespace: aws.String("Hive/Node")})
		if err != nil || len(listed.Metrics) != want {
			t.Errorf("%s: %v, %v", account, listed, err)
		}
	}
}

// When the node that runs the instance is silent, no answer pretends to be one. A silent node elsewhere is no reason.
func TestGetMetricStatistics_SaysWhenItsNodeIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := cpu(fsmtest.NodeID)
	in.Namespace, in.Dimensions[0].Name = aws.String("Hive/Node"), aws.String("NodeId")
	w.samples.missing = []string{fsmtest.NodeID}
	if _, err := w.GetMetricStatistics(as(t, alice, "GetMetricStatistics"), in); codeOf(err) != "InternalServiceError" || !strings.Contains(err.Error(), fsmtest.NodeID) {
		t.Errorf("got %v", err)
	}
	w.samples.missing = []string{"n-other"}
	if _, err := w.GetMetricStatistics(as(t, alice, "GetMetricStatistics"), in); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	values := []float64{40, 10, 30, 20}
	for p, want := range map[float64]float64{0: 10, 50: 25, 100: 40, 90: 37} {
		if got := percentile(values, p); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("p%v: got %v, want %v", p, got, want)
		}
	}
	if got := percentile([]float64{7}, 99.9); got != 7 {
		t.Errorf("of one value: %v", got)
	}
}
