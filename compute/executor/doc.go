// SPDX-License-Identifier: Apache-2.0

// Package executor makes the instances that the region assigned to this node what they are meant to be.
//
// It is level-triggered. One keeper goroutine an instance reads the desired row from the local replica, looks at what
// its guard process says, takes the next step, and reports what it saw; the state machine alone decides the
// instance's state. A keeper holds nothing that a restart would miss: after one it adopts the guards that are there.
// A change of the region wakes the keepers whose rows have changed, and each looks again without a cause
// (Config.Resync): a wake-up that was missed would cost seconds and nothing more.
//
// The executor acts on instances whose row names this node, in the epoch of the row. A guard of an older epoch is
// ended first. The first pass after a start waits for a linearizable view, so that a node that was away does not act
// on assignments that have moved on.
//
// The node's lease reaches the guests by SetFence: guards pause them when it ends. A keeper starts and resumes guests only
// while it lives (fence.go).
//
// Order of ending a guest: the guest is asked (ACPI), after the grace it is forced, its volumes are flushed and
// released, and only then is it reported stopped or terminated.
//
// Start reading at executor.go (who runs what), then keeper.go (the steps).
package executor
