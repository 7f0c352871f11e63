// SPDX-License-Identifier: Apache-2.0

// Package guard is the process that stands beside one guest: the parent of its QEMU, the owner of its QMP connection, serial log,
// listening disk sockets and public ports, and the holder of its fence deadline. `hive guard --dir DIR` calls Run and nothing else.
//
// The guard keeps a guest alive and tells the truth about it; it decides nothing. The executor of the node's agent writes
// DIR/spec.json (WriteSpec), starts the guard (Spawn) and speaks to it through DIR/guard.sock (Dial). Agent, block daemon, guard and
// QEMU may each be killed at any time without the guest noticing more than a pause; DESIGN.md has the table.
//
// Invariants:
//   - One guard a directory (guard.lock), and one QEMU (qemu.lock, which QEMU inherits, so that it is held exactly while QEMU lives).
//   - A guard never starts a guest twice for one Spec.RunID: a QEMU that is gone is reported, not replaced.
//   - Whatever lets a guest run goes through guard.cont, which refuses while the fence has expired.
//   - Only the control API ends a guest; signals to the guard and the end of Run's context leave QEMU running.
//
// Goroutines: Run owns all of them and waits for them: the API server, the watcher (QMP events), the process waiter, one server per
// disk, one listener per public port with its connections, the fence timer, the power timer and the log rotation.
//
// Start reading at Run in guard.go, then start.go and adopt.go, watch.go and fence.go.
package guard
