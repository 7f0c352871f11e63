// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"context"
	"maps"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
)

// calls are one call of each action that succeeds for who may.
var calls = map[string]func(w *world, ctx context.Context) error{
	"ListMetrics": func(w *world, ctx context.Context) error {
		_, err := w.ListMetrics(ctx, &sdk.ListMetricsInput{})
		return err
	},
	"GetMetricData": func(w *world, ctx context.Context) error {
		_, err := w.GetMetricData(ctx, data(query("c", "CPUUtilization", "Average", "i-1")))
		return err
	},
	"GetMetricStatistics": func(w *world, ctx context.Context) error {
		_, err := w.GetMetricStatistics(ctx, cpu("i-1"))
		return err
	},
}

func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	none := "Hive's metrics are in no data set"
	authztest.Service{
		Name: "cloudwatch", Actions: slices.Sorted(maps.Keys(Members)),
		Exceptions: authztest.Exceptions{Types: map[string]string{"ListMetrics *": none, "GetMetricData *": none}},
		Run: func(t *testing.T, action string, a apigw.Authorizer, _ bool) (int, error) {
			w, ctx := newWorld(t), as(t, alice, action)
			w.measure(t, alice, "i-1", 1)
			run := calls[action]
			if run == nil {
				t.Fatal("there is no call of the action")
			}
			call := apigw.CallFrom(ctx)
			call.Principal.ARN = "arn:aws:iam::" + alice + ":user/admin"
			return 0, run(w, apigw.WithCall(ctx, call, apigw.CallConfig{Authorizer: a, Tokens: tokens(t)}))
		},
	}.Test(t)
}
