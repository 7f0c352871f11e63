// SPDX-License-Identifier: Apache-2.0

// Package fsm is the region's truth: a pure state machine, (state, command) -> (state', result).
//
// FSM applies log entries to fsm/state in one transaction each. Apply sees the state, the command and the log index,
// nothing else: no clock, no randomness, no I/O, no goroutine, no map order. It enforces every rule that depends on
// state (existence, uniqueness, quota, capacity, legal transition) and allocates what is shared (private and public
// addresses). A refusal is a value with an AWS code and changes nothing.
//
// A command that cannot be decoded or is of an unknown type stops the process: going on would make this replica
// differ from the others. Start reading at fsm.go, then one file per resource; fsm/DESIGN.md tells why.
package fsm
