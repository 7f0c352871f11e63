// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"time"

	"github.com/hivecloud/hive/fsm/state"
)

// optional is a pointer to s, or nil for "": an absent member is left out of the answer, never sent empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// timeOf is a pointer to the time, or nil when it was never set.
func timeOf(t state.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	std := t.Std()
	return &std
}

// valueOf is what p points to, or the zero value.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// valueOr is what p points to, or fallback.
func valueOr[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
