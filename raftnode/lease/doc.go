// SPDX-License-Identifier: Apache-2.0

// Package lease keeps the node leases of a region: one lease a node stands for everything that the node holds, its
// guests above all. The [Holder] of each node renews it at the leader; the leader's [Lessor] declares a node lost whose
// lease has ended; in between the node's guards have paused its guests by themselves. DESIGN.md in this directory has
// the argument why an instance never runs twice.
//
// What it owns: who waits how long for whom, and the table of leases in the leader's memory. What it does not: what
// becomes of a lost node's instances (fsm), how guests are paused (compute/guard), where instances go (compute/scheduler).
//
// Goroutines: Holder.Run and Lessor.Run belong to their caller and wait for what they start. Renewals are answered on
// the goroutines of the rpc server. Start reading at timing.go, then holder.go and lessor.go.
package lease
