// SPDX-License-Identifier: Apache-2.0

// Package blockd is the block daemon of a node, run by `hive blockd`, and its client. It owns every volume and
// snapshot of the node (package filevol) and serves open volumes over NBD (package nbd).
//
// # Who holds what
//
// The listening socket of a disk belongs to the guest's guard process, which passes the descriptor with Serve. So it outlives
// the daemon: while blockd is dead, QEMU's connect succeeds and waits in the socket's queue, and a new blockd that gets the
// same listener goes on where the old one was killed. Nothing that was answered is lost meanwhile: the engine answers
// only what the kernel has.
//
// A control connection carries requests, not leases: volumes stay served when it closes. Ownership is in the epoch of Serve: it
// is durable before the first request is answered, a higher one takes the volume from a lower one and cuts its connections, a
// lower one is refused.
//
// # Control protocol
//
// A unix stream socket, mode 0600. The client sends a frame, the daemon answers with one; one request at a time per connection.
//
//	offset  bytes  field (little-endian)
//	0       4      magic "HVBD"
//	4       2      version: 1
//	6       2      kind: 1 request, 2 answer
//	8       4      length of the body, at most 1 MiB
//	12      ...    body, JSON
//
//	request   {"op": "grow", "args": {"volume": "vol-1", "size_bytes": 8192}}
//	answer    {"result": {...}}  or  {"error": {"code": "not_found", "message": "..."}}
//
// The listener of "serve" comes as SCM_RIGHTS with the first byte of its frame. An unknown operation, an unknown field, a descriptor
// where none belongs and trailing bytes are refused by name. A frame that breaks the format ends the connection.
//
// Operations, with the fields of their arguments and results, are in message.go; codes of errors in errors.go.
//
// # Goroutines and locks
//
// Run owns all: the accept loop, one goroutine per control connection, one accept loop per served disk (with the goroutines of package nbd
// below). It returns when all have ended. Daemon.mu guards the maps; disk.mu serialises what changes one volume and is held
// for the whole change; order: disk.mu, then Daemon.mu.
//
// Start reading at [Daemon.Run], then disk.go. Clients start at [Dial].
package blockd
