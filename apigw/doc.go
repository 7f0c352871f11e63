// SPDX-License-Identifier: Apache-2.0

// Package apigw is the door of the region: one TLS listener that speaks AWS's protocols.
//
// A request passes, in this order: request id, body limit, SigV4, service and region of the credential scope,
// principal, throttle, Version and Action, form decoding, declared members, the handler, the answer. Everything that is
// the same for all actions happens here, once; a handler (a method of a service's type, named as the action) sees a
// decoded SDK input and returns an SDK output or an error. DESIGN.md tells how to add one.
//
// Invariants: every answer carries a request id, which is in every log line of the call; every failure, also before
// authentication and after a panic, is an AWS envelope; a handler that succeeds without having asked Call.Authorize is
// a fault and answers InternalError; a member that the action does not declare is refused by name, never ignored.
//
// Goroutines: Run owns the server's and waits for them; the gateway has none of its own.
//
// Start at gateway.go (what runs), service.go (what is registered) and call.go (what a handler sees).
package apigw
