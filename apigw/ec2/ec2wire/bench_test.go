// SPDX-License-Identifier: Apache-2.0

//go:build bench

package ec2wire

import (
	"encoding/xml"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestBenchDescribe encodes a DescribeInstances answer of 1,000 rows beside encoding/xml, turn by turn. The goal is ten
// times faster.
func TestBenchDescribe(t *testing.T) {
	out := instances(1000)
	var ours, theirs []time.Duration
	var ratios []float64
	var buf []byte
	for range 51 {
		start := time.Now()
		var err error
		if buf, err = Codec().AppendResponse(buf[:0], "DescribeInstances", out, "id"); err != nil {
			t.Fatal(err)
		}
		middle := time.Now()
		if _, err := xml.Marshal(out.Reservations); err != nil {
			t.Fatal(err)
		}
		ours, theirs = append(ours, middle.Sub(start)), append(theirs, time.Since(middle))
		ratios = append(ratios, float64(theirs[len(theirs)-1])/float64(ours[len(ours)-1]))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	slices.Sort(ratios)
	middle := len(ours) / 2
	fmt.Printf("describe 1,000 instances (%d KiB): %v, encoding/xml %v, x%.1f faster (medians of %d)\n", len(buf)>>10, ours[middle].Round(time.Microsecond), theirs[middle].Round(time.Microsecond), ratios[middle], len(ours))
}
