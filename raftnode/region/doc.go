// SPDX-License-Identifier: Apache-2.0

// Package region is the door to the region's truth: typed commands in, linearizable views out, on any node.
//
// Propose gives a command an id and the time, sends it through the log (raftnode forwards it to the leader, where
// Prepare has a planner fill in placements) and decodes the result. View makes one linearizable read round and then
// returns a snapshot of the local replica. What it owns: the request id and its retry rules. What it does not: the
// rules themselves (fsm) and who leads (raftnode).
package region
