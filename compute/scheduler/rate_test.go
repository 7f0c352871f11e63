// SPDX-License-Identifier: Apache-2.0

//go:build bench

package scheduler_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hivecloud/hive/compute/scheduler"
	"github.com/hivecloud/hive/fsm/command"
)

// TestBenchPlans prints how many launches a second a leader can plan in a region of 50 nodes and 2,000 instances.
func TestBenchPlans(t *testing.T) {
	v, s := bigRegion(t), scheduler.New(catalogue{})
	for _, group := range []string{"", "pg-p", "pg-c"} {
		for _, count := range []int{1, 100} {
			c := launchOf(count, group)
			var rates []float64
			var longest time.Duration
			for range 11 {
				plans, start := 0, time.Now()
				for ; time.Since(start) < 500*time.Millisecond; plans++ {
					begun := time.Now()
					if p := s.Plan(v, c).(command.RunInstances); p.Refusal != nil {
						t.Fatal(p.Refusal)
					}
					longest = max(longest, time.Since(begun))
				}
				rates = append(rates, float64(plans)/time.Since(start).Seconds())
			}
			slices.Sort(rates)
			where := map[string]string{"": "no group", "pg-p": "partitions", "pg-c": "cluster"}[group]
			fmt.Printf("plan nodes=50 instances=2000 launch of %-3d %-10s %8.0f plans/s %8.0f places/s (longest plan %v)\n", count, where,
				rates[len(rates)/2], rates[len(rates)/2]*float64(count), longest.Round(100*time.Microsecond))
		}
	}
}
