// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
)

const (
	maxQueries        = 500
	maxDataDatapoints = 100_800
)

var idForm = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]{0,254}$`)

// wanted is one query of GetMetricData, checked.
type wanted struct {
	id, label string
	metric    types.Metric
	period    time.Duration
	statistic statistic
	unit      types.StandardUnit
	shown     bool
}

// GetMetricData answers many metrics at once, page by page. Expressions are refused by name.
// See https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func (s *Service) GetMetricData(ctx context.Context, in *sdk.GetMetricDataInput) (*sdk.GetMetricDataOutput, error) {
	call := apigw.CallFrom(ctx)
	when, err := checkSpan(in.StartTime, in.EndTime, call.Time)
	if err != nil {
		return nil, err
	}
	queries, err := checkQueries(in.MetricDataQueries, *in.StartTime, call.Time)
	if err != nil {
		return nil, err
	}
	limit := int(cmp.Or(aws.ToInt32(in.MaxDatapoints), maxDataDatapoints))
	if limit < 1 || limit > maxDataDatapoints {
		return nil, awserr.InvalidParameterValue("The parameter MaxDatapoints must be from 1 to %d.", maxDataDatapoints)
	}
	if in.ScanBy != "" && !slices.Contains(in.ScanBy.Values(), in.ScanBy) {
		return nil, awserr.InvalidParameterValue("The value %s for parameter ScanBy is not supported.", clip(string(in.ScanBy)))
	}
	at, err := openCursor(call, aws.ToString(in.NextToken), len(queries))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	b := builder{call: call, samples: s.samples, when: when, operator: operates(v, call.Account), ascending: in.ScanBy == types.ScanByTimestampAscending,
		left: limit, missing: map[string]bool{}}
	return b.build(ctx, queries, at)
}

func checkQueries(queries []types.MetricDataQuery, start, now time.Time) ([]wanted, error) {
	if len(queries) == 0 {
		return nil, required("MetricDataQueries")
	}
	if len(queries) > maxQueries {
		return nil, awserr.InvalidParameterValue("The parameter MetricDataQueries must have at most %d items.", maxQueries)
	}
	var out []wanted
	seen, shown := map[string]bool{}, false
	for i, q := range queries {
		w, err := checkQuery(fmt.Sprintf("MetricDataQueries.member.%d.", i+1), q, start, now)
		if err != nil {
			return nil, err
		}
		if seen[w.id] {
			return nil, awserr.InvalidParameterValue("The values for parameter Id in MetricDataQueries must be unique; %s is there twice.", clip(w.id))
		}
		seen[w.id], shown = true, shown || w.shown
		out = append(out, w)
	}
	if !shown {
		return nil, awserr.InvalidParameterValue("At least one item of MetricDataQueries must have ReturnData set to true.")
	}
	return out, nil
}

func checkQuery(at string, q types.MetricDataQuery, start, now time.Time) (wanted, error) {
	w := wanted{id: aws.ToString(q.Id), shown: q.ReturnData == nil || *q.ReturnData}
	stat := q.MetricStat
	switch {
	case q.Id == nil:
		return w, required(at + "Id")
	case !idForm.MatchString(w.id):
		return w, awserr.InvalidParameterValue("The value %s for parameter %sId is invalid: it must begin with a lower case letter and hold letters, digits and underscores.", clip(w.id), at)
	case stat == nil:
		return w, required(at + "MetricStat")
	case stat.Metric == nil:
		return w, required(at + "MetricStat.Metric")
	case stat.Stat == nil:
		return w, required(at + "MetricStat.Stat")
	}
	w.metric, w.unit = *stat.Metric, stat.Unit
	if err := checkMetric(at+"MetricStat.Metric.", w.metric.Namespace, w.metric.MetricName, w.metric.Dimensions); err != nil {
		return w, err
	}
	if err := checkUnit(w.unit, at+"MetricStat.Unit"); err != nil {
		return w, err
	}
	if w.label = aws.ToString(q.Label); strings.Contains(w.label, "${") {
		return w, awserr.UnsupportedOperation("Dynamic labels in the parameter %sLabel are not supported by Hive", at)
	}
	w.label = cmp.Or(w.label, *w.metric.MetricName)
	var err error
	if w.period, err = checkPeriod(stat.Period, at+"MetricStat.Period", start, now); err != nil {
		return w, err
	}
	w.statistic, err = statisticOf(*stat.Stat, at+"MetricStat.Stat")
	return w, err
}

// cursor is where a page begins: a query, and how many of its datapoints were answered already, told by the last one.
type cursor struct {
	query int
	after time.Time // zero: none
}

// openCursor reads a token.
func openCursor(call *apigw.Call, token string, queries int) (cursor, error) {
	if token == "" {
		return cursor{}, nil
	}
	text, ok := call.OpenToken(token)
	query, seconds, found := strings.Cut(text, "/")
	n, err := strconv.Atoi(query)
	at, err2 := strconv.ParseInt(seconds, 10, 64)
	if !ok || !found || err != nil || err2 != nil || n < 0 || n >= queries {
		return cursor{}, awserr.New("InvalidNextToken", "The next token specified is invalid.")
	}
	return cursor{n, time.Unix(at, 0).UTC()}, nil
}

// builder makes one page.
type builder struct {
	call      *apigw.Call
	samples   Samples
	when      span
	operator  bool
	ascending bool
	left      int // datapoints that the page has room for
	missing   map[string]bool
}

// build answers the queries in order until the page is full. One series at a time is in memory.
func (b *builder) build(ctx context.Context, queries []wanted, at cursor) (*sdk.GetMetricDataOutput, error) {
	out := &sdk.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}, Messages: []types.MessageData{}}
	for n := at.query; n < len(queries); n++ {
		q := queries[n]
		if !q.shown {
			continue
		}
		if b.left == 0 {
			// The page ended with the last datapoint of the query before.
			token, err := b.call.SealToken(fmt.Sprintf("%d/%d", n, 0))
			out.NextToken = token
			return b.finish(out), err
		}
		after := time.Time{}
		if n == at.query && at.after.Unix() != 0 {
			after = at.after
		}
		result, more, err := b.result(ctx, q, after)
		if err != nil {
			return nil, err
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
		if more {
			last := result.Timestamps[len(result.Timestamps)-1]
			token, err := b.call.SealToken(fmt.Sprintf("%d/%d", n, last.Unix()))
			out.NextToken = token
			return b.finish(out), err
		}
	}
	return b.finish(out), nil
}

// result answers one query, from the datapoint after a moment on. more says that the page is full before its end.
func (b *builder) result(ctx context.Context, q wanted, after time.Time) (r types.MetricDataResult, more bool, err error) {
	r = types.MetricDataResult{Id: aws.String(q.id), Label: aws.String(q.label), StatusCode: types.StatusCodeComplete, Timestamps: []time.Time{}, Values: []float64{}}
	subject, m, ok := locate(b.call.Account, b.operator, *q.metric.Namespace, *q.metric.MetricName, q.metric.Dimensions)
	if !ok || q.unit != "" && q.unit != m.unit {
		return r, false, nil
	}
	points, missing, err := b.samples.Points(ctx, []Query{{subject, m.stored, b.when.from, b.when.to}})
	if err != nil {
		return r, false, err
	}
	if len(missing) > 0 {
		r.StatusCode = types.StatusCodePartialData
		for _, node := range missing {
			b.missing[node] = true
		}
	}
	buckets := gather(points[0], b.when.from, q.period)
	if !b.ascending {
		slices.Reverse(buckets)
	}
	for _, bk := range buckets {
		if !after.IsZero() && (b.ascending && !bk.start.After(after) || !b.ascending && !bk.start.Before(after)) {
			continue
		}
		if b.left == 0 {
			r.StatusCode = types.StatusCodePartialData
			return r, true, nil
		}
		b.left--
		r.Timestamps, r.Values = append(r.Timestamps, bk.start), append(r.Values, q.statistic(bk))
	}
	return r, false, nil
}

// finish says which nodes are missing.
func (b *builder) finish(out *sdk.GetMetricDataOutput) *sdk.GetMetricDataOutput {
	nodes := make([]string, 0, len(b.missing))
	for node := range b.missing {
		nodes = append(nodes, node)
	}
	slices.Sort(nodes)
	for _, node := range nodes {
		out.Messages = append(out.Messages, types.MessageData{Code: aws.String("PartialData"), Value: aws.String("What node " + node + " measured is missing: it cannot be reached now.")})
	}
	return out
}
