// SPDX-License-Identifier: Apache-2.0

// Package logging makes the loggers of a process and carries request ids to
// every line that is written on behalf of a request.
//
// Logs go to one stream (standard error by default) as text for people or as
// one JSON object a line (@timestamp, @level, @module, @message, then the
// keys). [New] makes the root logger; rooms derive theirs with Named. The edge
// that accepts a request puts its id into the context with [WithRequestID], and
// whoever logs below uses [With], so that one id finds everything a request did.
//
// Secrets are not this package's business: their type (internal/seal) prints as
// [redacted] whatever the verb. The package starts no goroutines.
package logging
