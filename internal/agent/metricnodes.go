// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw/cloudwatch"
	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/metricstore"
	"github.com/hivecloud/hive/internal/rpc"
)

// Samples stay on the node that took them, and an instance may have been on several in the days that they are kept. So
// a question goes to every node of the region, and the answers are merged. A node that does not answer is named.

// The calls between nodes.
const (
	pointsMethod = "metrics.Points"
	listMethod   = "metrics.List"
)

// askNode is how long a node may take to answer.
const askNode = 5 * time.Second

// pointsRequest asks for series; pointsPerCall bounds them so that the answer stays far below rpc.MaxBody: a series of
// 15 days of minutes takes 400 KB.
type pointsRequest struct{ Series []seriesQuery }

const pointsPerCall = 4

type seriesQuery struct {
	Account, Kind, ID, Metric string
	From, To                  int64 // milliseconds; To is exclusive
}

type pointsResponse struct{ Series []seriesPoints }

// seriesPoints are points as parallel lists.
type seriesPoints struct {
	At     []int64 // milliseconds
	Values []float64
}

type listRequest struct {
	Account, Kind string
	Since         int64 // milliseconds
}

type listResponse struct{ Series []listedSeries }

type listedSeries struct {
	ID      string
	Metrics []string
	Last    int64 // milliseconds
}

var _ cloudwatch.Samples = (*meter)(nil)

// serve registers the calls of other nodes.
func (m *meter) serve(s *rpc.Server) {
	rpc.Handle(s, pointsMethod, m.servePoints)
	rpc.Handle(s, listMethod, m.serveList)
}

// servePoints answers another node.
func (m *meter) servePoints(_ context.Context, _ rpc.NodeID, q pointsRequest) (pointsResponse, error) {
	if len(q.Series) > pointsPerCall {
		return pointsResponse{}, rpc.Errorf(rpc.CodeBadRequest, "%d series, at most %d", len(q.Series), pointsPerCall)
	}
	out := pointsResponse{Series: make([]seriesPoints, len(q.Series))}
	for i, s := range q.Series {
		points, err := m.store.Points(time.Now(), metricstore.Subject{Account: s.Account, Kind: s.Kind, ID: s.ID}, s.Metric, time.UnixMilli(s.From), time.UnixMilli(s.To))
		if err != nil {
			return pointsResponse{}, err
		}
		for _, p := range points {
			out.Series[i].At, out.Series[i].Values = append(out.Series[i].At, p.At.UnixMilli()), append(out.Series[i].Values, p.Value)
		}
	}
	return out, nil
}

// serveList answers another node.
func (m *meter) serveList(_ context.Context, _ rpc.NodeID, q listRequest) (listResponse, error) {
	series, err := m.store.List(q.Account, q.Kind, time.UnixMilli(q.Since))
	if err != nil {
		return listResponse{}, err
	}
	var out listResponse
	for _, s := range series {
		out.Series = append(out.Series, listedSeries{s.Subject.ID, s.Metrics, s.Last.UnixMilli()})
	}
	return out, nil
}

// Points asks all nodes for the series and merges what they have.
func (m *meter) Points(ctx context.Context, queries []cloudwatch.Query) (points [][]metricstore.Point, missing []string, err error) {
	points = make([][]metricstore.Point, len(queries))
	for first := 0; first < len(queries); first += pointsPerCall {
		chunk := queries[first:min(first+pointsPerCall, len(queries))]
		var q pointsRequest
		for _, one := range chunk {
			q.Series = append(q.Series, seriesQuery{one.Subject.Account, one.Subject.Kind, one.Subject.ID, one.Metric, one.From.UnixMilli(), one.To.UnixMilli()})
		}
		answers, silent := ask(ctx, m.peers(), pointsMethod, q, m.servePoints)
		for _, node := range silent {
			if !slices.Contains(missing, node) {
				missing = append(missing, node)
			}
		}
		for _, a := range answers {
			for i, s := range a.Series[:min(len(a.Series), len(chunk))] {
				for j := range min(len(s.At), len(s.Values)) {
					points[first+i] = append(points[first+i], metricstore.Point{At: time.UnixMilli(s.At[j]).UTC(), Value: s.Values[j]})
				}
			}
		}
	}
	for _, p := range points {
		slices.SortStableFunc(p, func(a, b metricstore.Point) int { return a.At.Compare(b.At) })
	}
	return points, missing, ctx.Err()
}

// List asks all nodes what they have of an account and merges it.
func (m *meter) List(ctx context.Context, account, kind string, since time.Time) (series []metricstore.Series, missing []string, err error) {
	answers, missing := ask(ctx, m.peers(), listMethod, listRequest{account, kind, since.UnixMilli()}, m.serveList)
	byID := map[string]*metricstore.Series{}
	for _, a := range answers {
		for _, s := range a.Series {
			have := byID[s.ID]
			if have == nil {
				have = &metricstore.Series{Subject: metricstore.Subject{Account: account, Kind: kind, ID: s.ID}}
				byID[s.ID] = have
			}
			have.Metrics = append(have.Metrics, s.Metrics...)
			if last := time.UnixMilli(s.Last).UTC(); last.After(have.Last) {
				have.Last = last
			}
		}
	}
	for _, s := range byID {
		slices.Sort(s.Metrics)
		s.Metrics = slices.Compact(s.Metrics)
		series = append(series, *s)
	}
	slices.SortFunc(series, func(a, b metricstore.Series) int { return cmp.Compare(a.Subject.ID, b.Subject.ID) })
	return series, missing, ctx.Err()
}

// peers are the nodes of the region, seen from one of them.
type peers struct {
	self   string
	region localRegion
	client *rpc.Client
	log    hclog.Logger
}

func (m *meter) peers() peers { return peers{m.self, m.region, m.client, m.log} }

// ask puts a question to every node at once, to this one without a call. silent are those that did not answer.
func ask[Req, Resp any](ctx context.Context, p peers, method string, q Req, local func(context.Context, rpc.NodeID, Req) (Resp, error)) (answers []Resp, silent []string) {
	ctx, cancel := context.WithTimeout(ctx, askNode)
	defer cancel()
	var wait sync.WaitGroup
	var mu sync.Mutex
	for n := range state.Nodes.All(p.region.Local()) {
		wait.Go(func() {
			var answer Resp
			var err error
			if n.ID == p.self {
				answer, err = local(ctx, n.ID, q)
			} else {
				answer, err = rpc.Call[Req, Resp](ctx, p.client, n.ID, method, q)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				p.log.Debug("a node does not answer", "method", method, "node", n.ID, "error", err)
				silent = append(silent, n.ID)
				return
			}
			answers = append(answers, answer)
		})
	}
	wait.Wait()
	slices.Sort(silent)
	return answers, silent
}
