// SPDX-License-Identifier: Apache-2.0

// Package qmp is a small client of the QEMU Machine Protocol: it connects to one QMP unix socket, runs commands and delivers
// events. It knows the protocol and no command.
//
// Wire rules it relies on (QEMU docs/interop/qmp-spec, each seen on QEMU 7.2):
//   - the server sends one greeting, and before qmp_capabilities every command is refused;
//   - one JSON object is one line; a reply carries the id of its command, an event carries none and may come between a command
//     and its reply;
//   - one socket serves one client: a second connect succeeds but gets no greeting until the first has left, therefore the
//     handshake has a deadline;
//   - a reply without id means that the server could not parse what we sent, and nobody can tell which command it belongs to;
//   - events are not replayed: after every Dial the caller asks for the state (query-status) itself.
//
// Goroutines and ownership: Dial starts one reader goroutine, which alone reads the connection, hands replies to the waiting
// Execute calls and events to the Events channel, and closes that channel when the connection ends. Close stops it and waits.
// Execute may be called from many goroutines. A command whose context ends leaves the connection in an unknown state (the
// server may have swallowed the line), therefore it closes the connection: dial again.
//
// Start reading at Dial in client.go; message.go decodes lines.
package qmp
