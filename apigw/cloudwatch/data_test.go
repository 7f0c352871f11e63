// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// query asks for a statistic of an instance's metric.
func query(id, metric, stat, instance string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{Period: aws.Int32(60), Stat: aws.String(stat),
		Metric: &types.Metric{Namespace: aws.String("AWS/EC2"), MetricName: aws.String(metric), Dimensions: of(instance)}}}
}

func data(queries ...types.MetricDataQuery) *sdk.GetMetricDataInput {
	return &sdk.GetMetricDataInput{StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now), MetricDataQueries: queries}
}

func TestGetMetricData_ManyMetricsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.measure(t, alice, "i-1", 1, 2, 3)
	w.measure(t, bob, "i-2", 9)
	hidden, labelled := query("h", "CPUUtilization", "Sum", "i-1"), query("n", "NetworkIn", "p90", "i-1")
	hidden.ReturnData, labelled.Label = aws.Bool(false), aws.String("into")
	out, err := w.GetMetricData(as(t, alice, "GetMetricData"), data(query("c", "CPUUtilization", "Average", "i-1"), hidden, labelled, query("x", "CPUUtilization", "Sum", "i-2")))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range out.MetricDataResults {
		got += fmt.Sprintln(*r.Id, *r.Label, r.StatusCode, r.Values, len(r.Timestamps))
	}
	want := "c CPUUtilization Complete [3 2 1] 3\nn into Complete [3000 2000 1000] 3\nx CPUUtilization Complete [] 0\n"
	if diff := cmp.Diff(want, got); diff != "" || out.NextToken != nil || len(out.Messages) != 0 {
		t.Errorf("%v %v\n%s", out.NextToken, out.Messages, diff)
	}
	if first := out.MetricDataResults[0].Timestamps[0]; !first.Equal(now.Truncate(time.Minute).Add(-time.Minute)) {
		t.Errorf("the newest datapoint is of %s", first)
	}
}

// However small the pages are, together they hold every datapoint once, in the order asked for.
func TestGetMetricData_Pages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.measure(t, alice, "i-1", 1, 2, 3, 4, 5)
	w.measure(t, alice, "i-2", 6, 7)
	for _, order := range []types.ScanBy{types.ScanByTimestampAscending, types.ScanByTimestampDescending} {
		want := map[string][]float64{"a": {1, 2, 3, 4, 5}, "b": {6, 7}, "d": {1000, 2000, 3000, 4000, 5000}}
		if order == types.ScanByTimestampDescending {
			want = map[string][]float64{"a": {5, 4, 3, 2, 1}, "b": {7, 6}, "d": {5000, 4000, 3000, 2000, 1000}}
		}
		for size := int32(1); size <= 13; size++ {
			in := data(query("a", "CPUUtilization", "Sum", "i-1"), query("b", "CPUUtilization", "Sum", "i-2"), query("c", "CPUUtilization", "Sum", "i-3"), query("d", "NetworkIn", "Sum", "i-1"))
			in.ScanBy, in.MaxDatapoints = order, aws.Int32(size)
			got := map[string][]float64{}
			for pages := 0; ; pages++ {
				out, err := w.GetMetricData(as(t, alice, "GetMetricData"), in)
				if err != nil || pages > 20 {
					t.Fatalf("%d pages, %v", pages, err)
				}
				n := 0
				for _, r := range out.MetricDataResults {
					n += len(r.Values)
					if len(r.Values) > 0 {
						got[*r.Id] = append(got[*r.Id], r.Values...)
					}
				}
				if n > int(size) {
					t.Fatalf("%d datapoints on a page of %d", n, size)
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, pages of %d:\n%s", order, size, diff)
			}
		}
	}
}

func TestGetMetricData_NamesNodesThatAreSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.measure(t, alice, "i-1", 1)
	w.samples.missing = []string{"n-b"}
	out, err := w.GetMetricData(as(t, alice, "GetMetricData"), data(query("c", "CPUUtilization", "Sum", "i-1")))
	if err != nil {
		t.Fatal(err)
	}
	r := out.MetricDataResults[0]
	if r.StatusCode != types.StatusCodePartialData || len(r.Values) != 1 || len(out.Messages) != 1 || *out.Messages[0].Code != "PartialData" {
		t.Errorf("got %v, %v", r, out.Messages)
	}
}

func TestGetMetricData_BadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	many := make([]types.MetricDataQuery, 501)
	for i := range many {
		many[i] = query(fmt.Sprintf("q%d", i), "CPUUtilization", "Sum", "i-1")
	}
	for _, c := range []struct {
		name   string
		change func(*sdk.GetMetricDataInput)
		code   string
	}{
		{"no queries", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries = nil }, "MissingParameter"},
		{"501 queries", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries = many }, "InvalidParameterValue"},
		{"no start", func(in *sdk.GetMetricDataInput) { in.StartTime = nil }, "MissingParameter"},
		{"a time that goes back", func(in *sdk.GetMetricDataInput) { in.StartTime = aws.Time(now.Add(time.Hour)) }, "InvalidParameterValue"},
		{"no id", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].Id = nil }, "MissingParameter"},
		{"a capital id", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].Id = aws.String("Q") }, "InvalidParameterValue"},
		{"an id twice", func(in *sdk.GetMetricDataInput) {
			in.MetricDataQueries = append(in.MetricDataQueries, in.MetricDataQueries[0])
		}, "InvalidParameterValue"},
		{"neither metric nor expression", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat = nil }, "MissingParameter"},
		{"no metric", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Metric = nil }, "MissingParameter"},
		{"no namespace", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Metric.Namespace = nil }, "MissingParameter"},
		{"no statistic", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = nil }, "MissingParameter"},
		{"an unknown statistic", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = aws.String("pp") }, "InvalidParameterValue"},
		{"an interquartile mean", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = aws.String("IQM") }, "UnsupportedOperation"},
		{"no period", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = nil }, "MissingParameter"},
		{"an odd period", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = aws.Int32(90) }, "InvalidParameterValue"},
		{"an unknown unit", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Unit = "Apples" }, "InvalidParameterValue"},
		{"a dynamic label", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].Label = aws.String("${AVG}") }, "UnsupportedOperation"},
		{"nothing to return", func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].ReturnData = aws.Bool(false) }, "InvalidParameterValue"},
		{"no datapoints", func(in *sdk.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(-1) }, "InvalidParameterValue"},
		{"too many datapoints", func(in *sdk.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(100_801) }, "InvalidParameterValue"},
		{"an unknown order", func(in *sdk.GetMetricDataInput) { in.ScanBy = "Up" }, "InvalidParameterValue"},
		{"a token", func(in *sdk.GetMetricDataInput) { in.NextToken = aws.String("nonsense") }, "InvalidNextToken"},
	} {
		in := data(query("q", "CPUUtilization", "Sum", "i-1"))
		c.change(in)
		if _, err := w.GetMetricData(as(t, alice, "GetMetricData"), in); codeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", c.name, err, c.code)
		}
	}
}
