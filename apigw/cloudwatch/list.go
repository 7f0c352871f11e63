// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/internal/metricstore"
)

const (
	listedFor    = 14 * 24 * time.Hour // metrics without data for so long are not listed
	recentlyFor  = 3 * time.Hour
	listPage     = 500
	maxDimension = 10 // filters of ListMetrics
)

// ListMetrics lists the metrics that have data of the last two weeks.
// See https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
func (s *Service) ListMetrics(ctx context.Context, in *sdk.ListMetricsInput) (*sdk.ListMetricsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := checkList(in); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	since := call.Time.Add(-listedFor)
	if in.RecentlyActive != "" {
		since = call.Time.Add(-recentlyFor)
	}
	var rows []listRow
	for _, n := range namespaces {
		account, seen := n.account(call.Account, operates(v, call.Account))
		if !seen || in.Namespace != nil && *in.Namespace != n.name || !n.mayHave(in.Dimensions) {
			continue
		}
		series, missing, err := s.samples.List(ctx, account, n.kind, since)
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			call.Log.Warn("metrics of nodes that cannot be reached are not listed", "nodes", missing)
		}
		rows = n.appendRows(rows, series, in)
	}
	shown, next, err := apigw.Page(call, rows, func(r listRow) string { return r.key }, page.Request{NextToken: in.NextToken}, page.Range{Min: 1, Max: listPage, Default: listPage})
	if err != nil {
		return nil, badToken(err)
	}
	out := &sdk.ListMetricsOutput{Metrics: []types.Metric{}, NextToken: next}
	for _, r := range shown {
		out.Metrics = append(out.Metrics, r.metric)
	}
	return out, nil
}

// badToken gives a refused token CloudWatch's name.
func badToken(err error) error {
	if errors.Is(err, &awserr.Error{Code: "InvalidParameterValue"}) {
		return awserr.New("InvalidNextToken", "The next token specified is invalid.")
	}
	return err
}

func checkList(in *sdk.ListMetricsInput) error {
	if in.Namespace != nil {
		if err := checkNamespace(in.Namespace, "Namespace"); err != nil {
			return err
		}
	}
	if in.MetricName != nil {
		if err := checkName(in.MetricName, "MetricName", 255); err != nil {
			return err
		}
	}
	if in.RecentlyActive != "" && in.RecentlyActive != types.RecentlyActivePt3h {
		return awserr.InvalidParameterValue("The value %s for parameter RecentlyActive is not supported; only PT3H is.", clip(string(in.RecentlyActive)))
	}
	if len(in.Dimensions) > maxDimension {
		return awserr.InvalidParameterValue("The parameter Dimensions must have at most %d items.", maxDimension)
	}
	for _, d := range in.Dimensions {
		if err := checkName(d.Name, "Dimensions.member.N.Name", 255); err != nil {
			return err
		}
		if d.Value == nil {
			continue
		}
		if err := checkName(d.Value, "Dimensions.member.N.Value", 1024); err != nil {
			return err
		}
	}
	return nil
}

// listRow is a metric with the key that orders it.
type listRow struct {
	key    string
	metric types.Metric
}

// mayHave tells whether a metric of the namespace can have all the dimensions that were asked for.
func (n namespace) mayHave(filters []types.DimensionFilter) bool {
	return !slices.ContainsFunc(filters, func(f types.DimensionFilter) bool { return *f.Name != n.dimension })
}

func (n namespace) appendRows(rows []listRow, series []metricstore.Series, in *sdk.ListMetricsInput) []listRow {
	for _, s := range series {
		id := s.Subject.ID
		if slices.ContainsFunc(in.Dimensions, func(f types.DimensionFilter) bool { return f.Value != nil && *f.Value != id }) {
			continue
		}
		for _, m := range n.metrics {
			if in.MetricName != nil && *in.MetricName != m.name || !slices.Contains(s.Metrics, m.stored) {
				continue
			}
			rows = append(rows, listRow{n.name + "\x00" + m.name + "\x00" + id, types.Metric{
				Namespace: aws.String(n.name), MetricName: aws.String(m.name),
				Dimensions: []types.Dimension{{Name: aws.String(n.dimension), Value: aws.String(id)}}}})
		}
	}
	return rows
}
