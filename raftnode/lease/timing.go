// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"fmt"
	"time"
)

// Timing says how long everybody waits. All nodes of a region have the same.
type Timing struct {
	// TTL is how long a lease lasts after the leader got the renewal.
	TTL time.Duration
	// Margin is how much earlier, counted from when the renewal was sent, the guests of the node are paused. It covers
	// the time that a guard may need to stop a hypervisor (two seconds, see guard's haltTimeout) and clocks that run at
	// different speeds.
	Margin time.Duration
	// Grace is what the leader waits beyond TTL.
	Grace time.Duration
	// Every is how often a node renews; several renewals must fit into TTL - Margin.
	Every time.Duration
	// Retry is how soon a renewal that failed is tried again.
	Retry time.Duration
	// Call bounds one renewal: a leader that does not answer may no longer be one.
	Call time.Duration
	// Check is how often the leader looks for leases that have ended.
	Check time.Duration
}

// DefaultTiming loses a node 11 to 12 seconds after its last renewal and pauses its guests after 7.
func DefaultTiming() Timing {
	return Timing{TTL: 10 * time.Second, Margin: 3 * time.Second, Grace: time.Second, Every: 2 * time.Second,
		Retry: 300 * time.Millisecond, Call: 1500 * time.Millisecond, Check: 250 * time.Millisecond}
}

func (t Timing) validate() error {
	if t.Margin <= 0 || t.Grace < 0 || t.Every <= 0 || t.Retry <= 0 || t.Call <= 0 || t.Check <= 0 || t.TTL-t.Margin < 2*t.Every {
		return fmt.Errorf("lease timing %+v: two renewals must fit into TTL - Margin, and all times be positive", t)
	}
	return nil
}
