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

	"github.com/hivecloud/hive/internal/metricstore"
)

// names are what ListMetrics answers: "namespace metric id".
func names(t *testing.T, w *world, account string, in *sdk.ListMetricsInput) []string {
	t.Helper()
	out, err := w.ListMetrics(as(t, account, "ListMetrics"), in)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, m := range out.Metrics {
		got = append(got, *m.Namespace+" "+*m.MetricName+" "+*m.Dimensions[0].Value)
	}
	return got
}

func filters(pairs ...string) (out []types.DimensionFilter) {
	for i := 0; i < len(pairs); i += 2 {
		f := types.DimensionFilter{Name: aws.String(pairs[i])}
		if pairs[i+1] != "" {
			f.Value = aws.String(pairs[i+1])
		}
		out = append(out, f)
	}
	return out
}

func TestListMetrics_OfTheAccountAndTheFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.measure(t, alice, "i-1", 1)
	w.measure(t, alice, "i-2", 1)
	w.measure(t, bob, "i-3", 1)
	old := now.Add(-5 * time.Hour)
	volume := metricstore.Sample{Subject: metricstore.Subject{Account: alice, Kind: metricstore.Volume, ID: "vol-1"}, At: old, Values: []metricstore.Value{{Metric: metricstore.ReadOps, Value: 1}}}
	ancient := metricstore.Sample{Subject: metricstore.Subject{Account: alice, Kind: metricstore.Volume, ID: "vol-2"}, At: now.Add(-14*24*time.Hour - time.Minute), Values: volume.Values}
	if err := w.samples.store.Append(now, volume, ancient); err != nil {
		t.Fatal(err)
	}
	ec2 := func(ids ...string) (out []string) {
		for _, m := range []string{"CPUUtilization", "NetworkIn"} {
			for _, id := range ids {
				out = append(out, "AWS/EC2 "+m+" "+id)
			}
		}
		return out
	}
	vol := "AWS/EBS VolumeReadOps vol-1"
	for _, c := range []struct {
		name    string
		account string
		in      sdk.ListMetricsInput
		want    []string
	}{
		{"all", alice, sdk.ListMetricsInput{}, append([]string{vol}, ec2("i-1", "i-2")...)},
		{"bob's", bob, sdk.ListMetricsInput{}, ec2("i-3")},
		{"a namespace", alice, sdk.ListMetricsInput{Namespace: aws.String("AWS/EBS")}, []string{vol}},
		{"a namespace that there is not", alice, sdk.ListMetricsInput{Namespace: aws.String("AWS/SQS")}, []string{}},
		{"a metric", alice, sdk.ListMetricsInput{MetricName: aws.String("NetworkIn")}, ec2("i-1", "i-2")[2:]},
		{"a dimension", alice, sdk.ListMetricsInput{Dimensions: filters("VolumeId", "")}, []string{vol}},
		{"an instance", alice, sdk.ListMetricsInput{Dimensions: filters("InstanceId", "i-2")}, ec2("i-2")},
		{"another account's instance", alice, sdk.ListMetricsInput{Dimensions: filters("InstanceId", "i-3")}, []string{}},
		{"two dimensions", alice, sdk.ListMetricsInput{Dimensions: filters("InstanceId", "i-2", "VolumeId", "")}, []string{}},
		{"recently active", alice, sdk.ListMetricsInput{RecentlyActive: types.RecentlyActivePt3h}, ec2("i-1", "i-2")},
	} {
		if diff := cmp.Diff(append([]string{}, c.want...), names(t, w, c.account, &c.in)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestListMetrics_Pages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 300 {
		w.measure(t, alice, fmt.Sprintf("i-%03d", i), 1)
	}
	seen, pages := map[string]bool{}, 0
	in := &sdk.ListMetricsInput{}
	for {
		out, err := w.ListMetrics(as(t, alice, "ListMetrics"), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Metrics {
			seen[*m.MetricName+*m.Dimensions[0].Value] = true
		}
		pages++
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
		// Another account or action has no use for the token.
		if _, err := w.ListMetrics(as(t, bob, "ListMetrics"), in); codeOf(err) != "InvalidNextToken" {
			t.Errorf("bob with alice's token: %v", err)
		}
	}
	if len(seen) != 600 || pages != 2 {
		t.Errorf("%d metrics on %d pages", len(seen), pages)
	}
}

func TestListMetrics_BadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		in   sdk.ListMetricsInput
		code string
	}{
		"an empty namespace": {sdk.ListMetricsInput{Namespace: aws.String("")}, "InvalidParameterValue"},
		"an empty metric":    {sdk.ListMetricsInput{MetricName: aws.String("")}, "InvalidParameterValue"},
		"a nameless filter":  {sdk.ListMetricsInput{Dimensions: []types.DimensionFilter{{}}}, "MissingParameter"},
		"an empty value":     {sdk.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: aws.String("a"), Value: aws.String("")}}}, "InvalidParameterValue"},
		"eleven filters":     {sdk.ListMetricsInput{Dimensions: make([]types.DimensionFilter, 11)}, "InvalidParameterValue"},
		"active":             {sdk.ListMetricsInput{RecentlyActive: "PT4H"}, "InvalidParameterValue"},
		"a token":            {sdk.ListMetricsInput{NextToken: aws.String("nonsense")}, "InvalidNextToken"},
	} {
		if _, err := w.ListMetrics(as(t, alice, "ListMetrics"), &c.in); codeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}
