// SPDX-License-Identifier: Apache-2.0

// Package principals tells the gateway who owns an access key: the key's row, its user and its account out of the
// region's truth, and the secret out of its seal.
//
// Every lookup reads linearizably, so that a key that was deactivated or deleted stops working with the next request on
// any node. Opening a seal costs some microseconds, hence opened secrets are kept, beside the row that they were opened
// from: rows are immutable, so a changed key is another row and the kept secret is never used again.
//
// Temporary credentials are in no row: their token says whose they are (apigw/session), and the state whether the session still
// counts. Because both are asked with every request, a revoked session is refused on every node with the next one.
//
// It has no goroutines. Start at store.go; session.go is about temporary credentials.
package principals
