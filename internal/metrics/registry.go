// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"net/http"
	"runtime"
	"time"

	libraries "github.com/hashicorp/go-metrics/compat"
	sink "github.com/hashicorp/go-metrics/compat/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// unknownAction is the action label of requests whose action does not exist:
// their names come from the client and would make the label unbounded.
const unknownAction = "unknown"

// apiBuckets resolve what users feel: a linearizable Describe is a few
// milliseconds, a launch tens to hundreds.
var apiBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// startBuckets reach from a cloned volume to a full Debian under TCG.
var startBuckets = []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// Registry is the metrics of one process. All methods may be called from any
// goroutine.
type Registry struct {
	prom *prometheus.Registry

	apiRequests *prometheus.CounterVec
	apiDuration *prometheus.HistogramVec
	apiInFlight prometheus.Gauge
	raftApply   prometheus.Histogram
	decisions   *prometheus.CounterVec
	start       *prometheus.HistogramVec
}

// New makes the registry of a process of the given build.
func New(version, revision string) *Registry {
	r := &Registry{
		prom:        prometheus.NewRegistry(),
		apiRequests: counter(apiRequests),
		apiDuration: histogram(apiDuration, apiBuckets),
		apiInFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: apiInFlight.name, Help: apiInFlight.help}),
		raftApply:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: raftApply.name, Help: raftApply.help, Buckets: apiBuckets}),
		decisions:   counter(schedulerDecisions),
		start:       histogram(instanceStart, startBuckets),
	}
	build := prometheus.MustNewConstMetric(buildInfo.desc(), prometheus.GaugeValue, 1, version, revision, runtime.Version())
	r.prom.MustRegister(r.apiRequests, r.apiDuration, r.apiInFlight, r.raftApply, r.decisions, r.start,
		constant{build}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func counter(d definition) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.name, Help: d.help}, d.labels)
}

func histogram(d definition, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: d.name, Help: d.help, Buckets: buckets}, d.labels)
}

// constant is a collector of one metric that never changes.
type constant struct{ prometheus.Metric }

func (c constant) Describe(out chan<- *prometheus.Desc) { out <- c.Desc() }

func (c constant) Collect(out chan<- prometheus.Metric) { out <- c.Metric }

// APIStarted counts a request in; call the result when it is answered.
func (r *Registry) APIStarted() func() {
	r.apiInFlight.Inc()
	return r.apiInFlight.Dec
}

// APIRequest counts an answered request. code is the AWS error code, or OK.
func (r *Registry) APIRequest(service, action, code string, took time.Duration) {
	if code == "InvalidAction" || code == "MissingAction" {
		action = unknownAction
	}
	r.apiRequests.WithLabelValues(service, action, code).Inc()
	r.apiDuration.WithLabelValues(service, action).Observe(took.Seconds())
}

// RaftApplied records one proposal, from submission to result.
func (r *Registry) RaftApplied(took time.Duration) { r.raftApply.Observe(took.Seconds()) }

// Scheduled counts one placement decision: placed, or the AWS code it failed with.
func (r *Registry) Scheduled(result string) { r.decisions.WithLabelValues(result).Inc() }

// InstancePhase records how long an instance start spent in a phase, such as
// clone, seed, boot.
func (r *Registry) InstancePhase(phase string, took time.Duration) {
	r.start.WithLabelValues(phase).Observe(took.Seconds())
}

// Handler serves the registry in the Prometheus text format. A source that
// fails costs its own series, not the scrape.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prom, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// CaptureLibraries makes raft and memberlist report here. Their sink is global
// to the process, so only one registry of a process can have it: the last.
func (r *Registry) CaptureLibraries() error {
	s, err := sink.NewPrometheusSinkFrom(sink.PrometheusOpts{Registerer: r.prom, Expiration: 10 * time.Minute})
	if err != nil {
		return fmt.Errorf("make library metrics sink: %w", err)
	}
	conf := libraries.DefaultConfig("hive")
	conf.EnableHostname = false
	conf.EnableRuntimeMetrics = false // the Go collector reports these better
	if _, err := libraries.NewGlobal(conf, s); err != nil {
		return fmt.Errorf("install library metrics sink: %w", err)
	}
	return nil
}
