// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/internal/metricstore"
)

const (
	alice = "111111111111" // the region's first account
	bob   = "222222222222"
)

var now = time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)

// local is the samples of a one-node region, with nodes that are not reachable beside it.
type local struct {
	store   *metricstore.Store
	missing []string
}

func (l *local) Points(_ context.Context, queries []Query) (out [][]metricstore.Point, missing []string, err error) {
	for _, q := range queries {
		points, err := l.store.Points(now, q.Subject, q.Metric, q.From, q.To)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, points)
	}
	return out, l.missing, nil
}

func (l *local) List(_ context.Context, account, kind string, since time.Time) ([]metricstore.Series, []string, error) {
	series, err := l.store.List(account, kind, since)
	return series, l.missing, err
}

// world is a region with two accounts and what its node measured.
type world struct {
	*Service
	region  *fsmtest.Region
	samples *local
}

func newWorld(t *testing.T) *world {
	t.Helper()
	region := fsmtest.NewRegion(t)
	region.AddAccount(t, alice)
	region.Advance(time.Hour)
	region.AddAccount(t, bob)
	store, err := metricstore.New(metricstore.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &world{region: region, samples: &local{store: store}}
	if w.Service, err = New(region, w.samples); err != nil {
		t.Fatal(err)
	}
	return w
}

// measure keeps the values of an instance's CPU, a minute apart; the last one is about the minute before now.
func (w *world) measure(t *testing.T, account, id string, values ...float64) {
	t.Helper()
	for i, v := range values {
		at := now.Truncate(time.Minute).Add(time.Duration(i-len(values)) * time.Minute)
		err := w.samples.store.Append(now, metricstore.Sample{Subject: metricstore.Subject{Account: account, Kind: metricstore.Instance, ID: id}, At: at,
			Values: []metricstore.Value{{Metric: metricstore.CPUPercent, Value: v}, {Metric: metricstore.NetInBytes, Value: 1000 * v}}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// as is a call's context.
func as(t *testing.T, account, action string) context.Context {
	t.Helper()
	return apigw.WithCall(t.Context(), &apigw.Call{Account: account, Principal: apigw.Principal{AccountID: account}, Service: "cloudwatch", Action: action, Time: now},
		apigw.CallConfig{Tokens: tokens(t)})
}

func tokens(t *testing.T) *page.Tokens {
	t.Helper()
	out, err := page.NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// of are the dimensions of an instance.
func of(id string) []types.Dimension {
	return []types.Dimension{{Name: aws.String("InstanceId"), Value: aws.String(id)}}
}

func codeOf(err error) string {
	var e *awserr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestNew_NeedsEverything(t *testing.T) {
	t.Parallel()
	if _, err := New(nil, &local{}); err == nil {
		t.Error("made a service without a region")
	}
	if _, err := New(fsmtest.NewRegion(t), nil); err == nil {
		t.Error("made a service without samples")
	}
}
