// SPDX-License-Identifier: Apache-2.0

// Package agent puts a node together: the truth (raft, state machine, scheduler), the API gateway, the executor, the
// children (blockd, guards) and the local admin API.
//
// Agent.Run starts them in the order in which they need each other and ends them in the reverse order; guests, their
// guards and blockd go on without the agent unless it is asked to drain. Init makes a region of one node: keys,
// certificates, the first entries of the log.
//
// Nothing here decides anything: rooms do. Start at agent.go; layout.go says where a node's files are; admin*.go is
// the server side of internal/admin.
package agent
