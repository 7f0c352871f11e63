// SPDX-License-Identifier: Apache-2.0

// Package raftnode keeps a truth on its members: a log that all of them agree on (hashicorp/raft), driving a state
// machine that it knows nothing about. It is generic over the group, the state machine and the log store; a process
// carries any number of groups on one [Host], which share one port.
//
// A [Node] is one member. [Node.Propose] appends an entry, on the leader or forwarded to it, and answers when the
// local state machine has applied it. [Node.ReadIndex] makes the local state machine fresh: what is read after it is
// linearizable, on any member. Members are named by node ids; addresses are found when somebody is dialled.
//
// It owns consensus, forwarding, retries, read indexes, membership, snapshots and the directory they live in. It does
// not own what entries mean: deduplication of proposals, refusals and versions belong to the state machine.
//
// Invariants:
//   - A leader serves only after an entry of its own term was applied, so its state lacks nothing that was acknowledged.
//   - A read index counts only acknowledgements of what was sent after the read began.
//   - Requests are forwarded at most once; who is asked and does not lead refuses.
//   - The directory is locked while a node is open, and by [Inspect].
//
// Goroutines of a Node, all ended by Close: raft's own, one that follows leadership, one for each heartbeat and read
// round under way, and one for each call into raft that cannot be interrupted. Host.Run has one for the streams that
// have not yet said their group.
//
// Start reading at node.go, then propose.go and readindex.go; DESIGN.md has the reasons.
package raftnode
