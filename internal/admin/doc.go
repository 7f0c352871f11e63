// SPDX-License-Identifier: Apache-2.0

// Package admin is the agent's local admin API as both sides see it: routes,
// request and answer types, errors, and the client that `hive` commands use.
//
// The API is JSON over HTTP on the unix socket <data_dir>/run/admin.sock. The
// file mode 0600 is the whole authentication: whoever may open it owns the node.
// It serves operators; what users of the region do goes through the AWS API.
//
// Conventions:
//   - A success is 200 with the answer as JSON, or a stream: bytes for
//     snapshots and consoles, one JSON object a line for imports.
//   - A failure is the status of [Kind.HTTPStatus] with an [Error] as JSON. In a
//     stream that has begun, the last line carries it.
//   - Types here are plain: no state or engine type leaks through, so a newer
//     hive can talk to an older agent.
//
// The package starts no goroutines. Start reading at routes.go.
package admin
