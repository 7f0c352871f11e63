// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hivecloud/hive/apigw/awserr"
)

// required refuses a parameter that was not sent.
func required(name string) error {
	return awserr.New("MissingParameter", "The parameter %s is required.", name)
}

// checkName refuses a text outside of its length.
func checkName(value *string, parameter string, most int) error {
	if value == nil {
		return required(parameter)
	}
	if n := len(*value); n == 0 || n > most {
		return awserr.InvalidParameterValue("The parameter %s must have from 1 to %d characters.", parameter, most)
	}
	return nil
}

// checkNamespace refuses what cannot be a namespace.
func checkNamespace(value *string, parameter string) error {
	if err := checkName(value, parameter, 255); err != nil {
		return err
	}
	if strings.HasPrefix(*value, ":") {
		return awserr.InvalidParameterValue("The parameter %s must not start with a colon.", parameter)
	}
	return nil
}

// checkMetric refuses a metric's name, namespace or dimensions. prefix leads to them.
func checkMetric(prefix string, space, name *string, dimensions []types.Dimension) error {
	if err := checkNamespace(space, prefix+"Namespace"); err != nil {
		return err
	}
	if err := checkName(name, prefix+"MetricName", 255); err != nil {
		return err
	}
	if len(dimensions) > 30 {
		return awserr.InvalidParameterValue("The parameter %sDimensions must have at most 30 items.", prefix)
	}
	for i, d := range dimensions {
		at := fmt.Sprintf("%sDimensions.member.%d.", prefix, i+1)
		if err := checkName(d.Name, at+"Name", 255); err != nil {
			return err
		}
		if err := checkName(d.Value, at+"Value", 1024); err != nil {
			return err
		}
	}
	return nil
}

// span is the time that a request is about, as CloudWatch rounds it.
type span struct{ from, to time.Time }

// checkSpan refuses a time that does not go forward and rounds its start down: to whole minutes for the last 15 days, to
// five minutes and to whole hours for what is older.
// See https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
func checkSpan(start, end *time.Time, now time.Time) (span, error) {
	switch {
	case start == nil:
		return span{}, required("StartTime")
	case end == nil:
		return span{}, required("EndTime")
	case !start.Before(*end):
		return span{}, awserr.InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	return span{start.UTC().Truncate(resolution(*start, now)), end.UTC()}, nil
}

// resolution is what CloudWatch keeps of a metric that was a minute's once.
func resolution(start, now time.Time) time.Duration {
	switch age := now.Sub(start); {
	case age > 63*24*time.Hour:
		return time.Hour
	case age > 15*24*time.Hour:
		return 5 * time.Minute
	}
	return time.Minute
}

// checkPeriod refuses a period that does not fit what is kept of the time asked for.
func checkPeriod(period *int32, parameter string, start, now time.Time) (time.Duration, error) {
	if period == nil {
		return 0, required(parameter)
	}
	d := time.Duration(*period) * time.Second
	step := resolution(start, now)
	switch {
	case d > 0 && d%step == 0 && d <= 24*time.Hour*366:
		return d, nil
	case step == time.Minute && slices.Contains([]int32{1, 5, 10, 20, 30}, *period):
		return d, nil
	case step == time.Minute:
		return 0, awserr.InvalidParameterValue("The parameter %s must be 1, 5, 10, 20, 30 or a multiple of 60.", parameter)
	}
	return 0, awserr.InvalidParameterValue("The parameter %s must be a multiple of %d for a start time so long ago.", parameter, int(step.Seconds()))
}

// checkUnit refuses a unit that there is not.
func checkUnit(unit types.StandardUnit, parameter string) error {
	if unit != "" && !slices.Contains(unit.Values(), unit) {
		return awserr.InvalidParameterValue("The value %s for parameter %s is not supported.", clip(string(unit)), parameter)
	}
	return nil
}

// unavailableData is the answer when the node that has the data cannot be asked. SDKs retry it.
func unavailableData(nodes []string) error {
	return awserr.New("InternalServiceError", "The metrics are on %s, which cannot be reached now.", strings.Join(nodes, ", "))
}
