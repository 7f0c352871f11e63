// SPDX-License-Identifier: Apache-2.0

package metricstore

import (
	"fmt"
	"math"
	"time"
)

// Limits of one sample. They bound what a damaged length can make a reader do.
const (
	maxText   = 128  // bytes of a part of a subject
	maxName   = 32   // bytes of a metric's name
	maxValues = 64   // of a sample
	maxBody   = 1024 // bytes of a record
)

// Subject is what was measured.
type Subject struct {
	Account string // whose it is; empty for what belongs to the node
	Kind    string // "instance", "volume", "node"
	ID      string
}

// Value is one measurement.
type Value struct {
	Metric string
	Value  float64
}

// Sample is what was measured of a subject at a moment.
type Sample struct {
	Subject Subject
	At      time.Time // kept to the millisecond
	Values  []Value
}

// Point is one measurement of a series.
type Point struct {
	At    time.Time
	Value float64
}

// Series is what is known of a subject.
type Series struct {
	Subject Subject
	Metrics []string // in order
	Last    time.Time
}

// check refuses a sample that the format cannot hold.
func (s Sample) check() error {
	for _, part := range []string{s.Subject.Account, s.Subject.Kind, s.Subject.ID} {
		if len(part) > maxText {
			return fmt.Errorf("sample of %.40s...: a name of %d bytes, at most %d", part, len(part), maxText)
		}
	}
	if s.Subject.Kind == "" || s.Subject.ID == "" || len(s.Values) == 0 || len(s.Values) > maxValues {
		return fmt.Errorf("sample of %q %q: it has %d values, from 1 to %d are possible, and a kind and an id are needed", s.Subject.Kind, s.Subject.ID, len(s.Values), maxValues)
	}
	if ms := s.At.UnixMilli(); ms < 0 || ms > 1<<46 {
		return fmt.Errorf("sample of %s: the time %s is out of range", s.Subject.ID, s.At)
	}
	for _, v := range s.Values {
		if v.Metric == "" || len(v.Metric) > maxName || math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
			return fmt.Errorf("sample of %s: the value %v of %q cannot be kept", s.Subject.ID, v.Value, v.Metric)
		}
	}
	return nil
}
