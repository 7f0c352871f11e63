// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"context"
	"errors"
	"time"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metricstore"
)

// Region reads the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
}

// Query asks for one series.
type Query struct {
	Subject  metricstore.Subject
	Metric   string
	From, To time.Time // From inclusive, To exclusive
}

// Samples reads what the nodes of the region measured. Implementations bound the time they wait for a node.
type Samples interface {
	// Points answers each query with the points of all nodes in the order of time. missing are the nodes that could not
	// be asked; their points are not there.
	Points(ctx context.Context, queries []Query) (points [][]metricstore.Point, missing []string, err error)
	// List describes the subjects of an account and kind that have samples since a moment, each once.
	List(ctx context.Context, account, kind string, since time.Time) (series []metricstore.Series, missing []string, err error)
}

// Service answers the CloudWatch API. Its exported methods are the actions; any number of calls may run at once.
type Service struct {
	region  Region
	samples Samples
}

// Members declares what each action implements of its input. Expressions (metric math, SQL), metrics of other accounts
// and publishing are not implemented.
var Members = apigw.Members{
	"ListMetrics": {"Namespace", "MetricName", "Dimensions.Name", "Dimensions.Value", "RecentlyActive", "NextToken", "IncludeLinkedAccounts=false"},
	"GetMetricStatistics": {"Namespace", "MetricName", "Dimensions.Name", "Dimensions.Value", "StartTime", "EndTime", "Period", "Statistics",
		"ExtendedStatistics", "Unit"},
	"GetMetricData": {"MetricDataQueries.Id", "MetricDataQueries.Label", "MetricDataQueries.ReturnData", "MetricDataQueries.MetricStat.*",
		"StartTime", "EndTime", "ScanBy", "MaxDatapoints", "NextToken", "LabelOptions.Timezone=+0000"},
}

// New returns the service. It does no I/O.
func New(region Region, samples Samples) (*Service, error) {
	if region == nil || samples == nil {
		return nil, errors.New("cloudwatch service: region and samples are required")
	}
	return &Service{region: region, samples: samples}, nil
}

// operates tells whether an account is the operator's: the first one of the region, which its initialisation made.
func operates(v *state.View, account string) bool {
	var first *state.Account
	for a := range state.Accounts.All(v) {
		if !a.System && (first == nil || a.Created < first.Created || a.Created == first.Created && a.ID < first.ID) {
			first = a
		}
	}
	return first != nil && first.ID == account
}
