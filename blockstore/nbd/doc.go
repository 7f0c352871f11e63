// SPDX-License-Identifier: Apache-2.0

// Package nbd serves a volume over the NBD protocol (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md).
//
// Spoken: fixed newstyle negotiation only (GO, INFO, LIST, EXPORT_NAME, ABORT, STRUCTURED_REPLY, LIST_META_CONTEXT,
// SET_META_CONTEXT; everything else, also STARTTLS, is answered "unsupported"), structured and simple replies, and the commands
// READ, WRITE, FLUSH, TRIM, WRITE_ZEROES (with FAST_ZERO and NO_HOLE), CACHE, BLOCK_STATUS for base:allocation, DISC.
// FUA is honoured on every command that changes something. Connections of one server share one volume, so a flush on
// one covers all (MULTI_CONN). Block sizes: any alignment, 4096 preferred, at most 32 MiB a request.
//
// A server has one export; the empty name means it too.
//
// How a connection works, and why:
//
//   - One goroutine reads requests through a 256 KiB buffer and answers them in place: what is in memory costs no
//     hand-over. Replies pile up in one buffer that is written when no request is waiting any more, so that a queue of
//     32 requests costs two system calls, not 64.
//   - What may wait for a device (a read that is not in memory, a flush, a trim) is handed to a goroutine of its own and
//     answered out of order, so that it holds up nobody. A budget of bytes bounds how much of that is under way.
//   - A write is never handed over: the engine answers it from memory, and its payload is used where it was received.
//
// Locks and ownership: the connection's goroutine owns the read buffer and the buffer of piled-up replies;
// slow goroutines put theirs into a queue of which one at a time is the writer; writeMu makes each write to the socket whole.
// Every goroutine of a connection has ended when ServeConn returns, every connection when Close returns.
//
// A request that breaks the protocol ends the connection, one that asks for nonsense gets EINVAL; neither may panic
// (fuzzed). Start reading at [Server], then transmit.go.
package nbd
