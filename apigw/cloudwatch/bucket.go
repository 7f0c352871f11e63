// SPDX-License-Identifier: Apache-2.0

package cloudwatch

import (
	"time"

	"github.com/hivecloud/hive/internal/metricstore"
)

// bucket is what the samples of one period come to.
type bucket struct {
	start         time.Time
	count         int
	sum, min, max float64
	values        []float64 // in the order of time
}

// gather puts points, which are in the order of time, into periods that count from a moment. Periods without points
// have no bucket.
func gather(points []metricstore.Point, from time.Time, period time.Duration) []bucket {
	var out []bucket
	for _, p := range points {
		start := from.Add(p.At.Sub(from) / period * period)
		if len(out) == 0 || !out[len(out)-1].start.Equal(start) {
			out = append(out, bucket{start: start, min: p.Value, max: p.Value})
		}
		b := &out[len(out)-1]
		b.count++
		b.sum += p.Value
		b.min, b.max = min(b.min, p.Value), max(b.max, p.Value)
		b.values = append(b.values, p.Value)
	}
	return out
}
