// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metricstore"
)

// maxDatapoints is what GetMetricStatistics answers at most.
const maxDatapoints = 1440

// GetMetricStatistics answers the statistics of one metric. A metric that does not exist has no datapoints.
// See https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
func (s *Service) GetMetricStatistics(ctx context.Context, in *sdk.GetMetricStatisticsInput) (*sdk.GetMetricStatisticsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := checkMetric("", in.Namespace, in.MetricName, in.Dimensions); err != nil {
		return nil, err
	}
	when, err := checkSpan(in.StartTime, in.EndTime, call.Time)
	if err != nil {
		return nil, err
	}
	period, err := checkPeriod(in.Period, "Period", *in.StartTime, call.Time)
	if err != nil {
		return nil, err
	}
	if err := checkUnit(in.Unit, "Unit"); err != nil {
		return nil, err
	}
	percentiles, err := checkStatistics(in)
	if err != nil {
		return nil, err
	}
	if n := (when.to.Sub(when.from) + period - 1) / period; n > maxDatapoints {
		return nil, awserr.InvalidParameterCombination("You have requested up to %d datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n)
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	out := &sdk.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	subject, m, ok := locate(call.Account, operates(v, call.Account), *in.Namespace, *in.MetricName, in.Dimensions)
	if !ok || in.Unit != "" && in.Unit != m.unit {
		return out, nil
	}
	points, missing, err := s.samples.Points(ctx, []Query{{subject, m.stored, when.from, when.to}})
	if err != nil {
		return nil, err
	}
	// The answer has no place to say that something is missing. When it is on the node that runs the instance now,
	// next to nothing would be left, and that would be taken for the truth.
	if slices.Contains(missing, home(v, subject)) {
		return nil, unavailableData(missing)
	}
	for _, b := range gather(points[0], when.from, period) {
		out.Datapoints = append(out.Datapoints, datapoint(b, m, in.Statistics, percentiles))
	}
	return out, nil
}

// checkStatistics reads what to make of the samples.
func checkStatistics(in *sdk.GetMetricStatisticsInput) (map[string]statistic, error) {
	if len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0 {
		return nil, awserr.InvalidParameterCombination("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	if len(in.Statistics) > 5 || len(in.ExtendedStatistics) > 10 {
		return nil, awserr.InvalidParameterValue("The parameter Statistics must have at most 5 items, and ExtendedStatistics at most 10.")
	}
	for _, name := range in.Statistics {
		if plain[string(name)] == nil {
			return nil, awserr.InvalidParameterValue("The value %s for parameter Statistics is not supported.", clip(string(name)))
		}
	}
	out := map[string]statistic{}
	for _, name := range in.ExtendedStatistics {
		f, err := extended(name, "ExtendedStatistics")
		if err != nil {
			return nil, err
		}
		out[name] = f
	}
	return out, nil
}

// home is the node that measures a subject now; empty when it is gone or is nowhere.
func home(v *state.View, s metricstore.Subject) string {
	switch s.Kind {
	case metricstore.Node:
		return s.ID
	case metricstore.Instance:
		if i, ok := state.Instances.Get(v, s.Account, s.ID); ok {
			return i.NodeID
		}
	case metricstore.Volume:
		if vol, ok := state.Volumes.Get(v, s.Account, s.ID); ok {
			return vol.NodeID
		}
	}
	return ""
}

func datapoint(b bucket, m metric, wanted []types.Statistic, percentiles map[string]statistic) types.Datapoint {
	out := types.Datapoint{Timestamp: aws.Time(b.start), Unit: m.unit}
	for _, name := range wanted {
		value := aws.Float64(plain[string(name)](b))
		switch name {
		case types.StatisticSampleCount:
			out.SampleCount = value
		case types.StatisticAverage:
			out.Average = value
		case types.StatisticSum:
			out.Sum = value
		case types.StatisticMinimum:
			out.Minimum = value
		case types.StatisticMaximum:
			out.Maximum = value
		}
	}
	for name, f := range percentiles {
		if out.ExtendedStatistics == nil {
			out.ExtendedStatistics = map[string]float64{}
		}
		out.ExtendedStatistics[name] = f(b)
	}
	return out
}
