// SPDX-License-Identifier: Apache-2.0

// Package rpc is how the nodes of a cluster talk: streams between nodes, and calls over them.
//
// A [Network] opens streams to nodes by their ids, split by protocol (ALPN). [Mux] is the real one: one TCP port, TLS
// 1.3 with proof of identity on both sides, one [net.Listener] for each protocol; an address is resolved when a node
// is dialled, so that a node may be renumbered. Tests plug in an in-memory one (internal/testcluster), and everything
// above runs unchanged inside a testing/synctest bubble.
//
// Calls are HTTP/2 POSTs with msgpack bodies on one of these protocols, which needs one connection to each peer and
// multiplexes any number of calls. [Handle] registers a method, [Call] makes one:
//
//	rpc.Handle(srv, "raft.ReadIndex", func(ctx context.Context, peer rpc.NodeID, q ReadIndexRequest) (ReadIndexResponse, error) { ... })
//	r, err := rpc.Call[ReadIndexRequest, ReadIndexResponse](ctx, client, "node-b", "raft.ReadIndex", q)
//
// Decoding is strict: an unknown field, a missing end or bytes too many are errors. Bodies have a size limit on both
// sides. Errors travel as a code and a message ([Error]); the request id of the context (internal/logging) and its
// deadline travel with the call.
//
// Goroutines: Mux.Run owns the accept loop and the handshakes, Server.Serve those of its connections; both wait for
// them. A Client owns its connections until Close.
package rpc
