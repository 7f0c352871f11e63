// SPDX-License-Identifier: Apache-2.0

// Package sigv4 verifies AWS Signature Version 4 on the server's side: in the Authorization header and in presigned
// URLs. Source: IAM user guide, "Create a signed AWS API request".
//
// Parse reads what a request claims (who, when, for which region and service, which headers are signed) and refuses what
// is malformed, ambiguous or leaves a header unsigned that must be signed. Verify recomputes the signature with the
// caller's secret and compares in constant time. Neither does I/O or reads a clock: the caller passes the time and the
// hash of the body it has read. An SDK's retry of the same signed request is legal; nothing remembers signatures.
//
// Rules: Host and every x-amz-* header must be signed; a header that decides the signature may appear only once; the
// time may differ by Options.Skew; the scope's date must be the request's; a presigned URL lives from one second to a
// week; an unsigned payload is refused unless Options.UnsignedPayload allows it.
//
// Every refusal is an *Error whose Kind the services map to their own codes.
package sigv4
