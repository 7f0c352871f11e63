// SPDX-License-Identifier: Apache-2.0

// Package awserr is the vocabulary of refusals: AWS error codes, their HTTP status and the XML envelopes they travel in.
//
// Handlers return *Error (made by New or by a constructor that knows AWS's phrasing); the gateway writes the envelope.
// The status belongs to the code (table in status.go), so that a handler never picks one. A code that is not in the
// table is a client error, 400, as it is on AWS.
package awserr
