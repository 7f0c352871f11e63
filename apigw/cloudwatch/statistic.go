// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/hivecloud/hive/apigw/awserr"
)

// statistic makes one number of a period's samples.
type statistic func(bucket) float64

// plain are the statistics of the Statistics member.
var plain = map[string]statistic{
	"SampleCount": func(b bucket) float64 { return float64(b.count) },
	"Average":     func(b bucket) float64 { return b.sum / float64(b.count) },
	"Sum":         func(b bucket) float64 { return b.sum },
	"Minimum":     func(b bucket) float64 { return b.min },
	"Maximum":     func(b bucket) float64 { return b.max },
}

var (
	percentileForm = regexp.MustCompile(`^p(\d{1,3}(?:\.\d{0,10})?)$`)
	// otherForm are the statistics that CloudWatch has besides: trimmed means and their kin.
	otherForm = regexp.MustCompile(`^(?:IQM|(?:p|tm|wm|tc|ts)\d[\d.]*|(?:TM|WM|PR|TC|TS)\([^)]*\))$`)
)

// statisticOf reads a statistic's name, as GetMetricData's Stat has it.
func statisticOf(name, parameter string) (statistic, error) {
	if s, ok := plain[name]; ok {
		return s, nil
	}
	return extended(name, parameter)
}

// extended reads the name of a percentile.
func extended(name, parameter string) (statistic, error) {
	if m := percentileForm.FindStringSubmatch(name); m != nil {
		if p, err := strconv.ParseFloat(m[1], 64); err == nil && p <= 100 {
			return func(b bucket) float64 { return percentile(b.values, p) }, nil
		}
	}
	if otherForm.MatchString(name) && name[0] != 'p' {
		return nil, awserr.UnsupportedOperation("The statistic %s of the parameter %s is not supported by Hive; SampleCount, Average, Sum, Minimum, Maximum and percentiles are", clip(name), parameter)
	}
	return nil, awserr.InvalidParameterValue("The value %s for parameter %s is not supported.", clip(name), parameter)
}

// percentile interpolates between the two samples that the rank falls between.
func percentile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	rank := p / 100 * float64(len(sorted)-1)
	low := int(math.Floor(rank))
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (rank-float64(low))*(sorted[low+1]-sorted[low])
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
