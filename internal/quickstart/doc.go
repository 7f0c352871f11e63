// SPDX-License-Identifier: Apache-2.0

// Package quickstart brings a region from "the agent runs" to "you can ssh into
// a guest", through the same public API that every other client uses: a key
// pair, an instance, and the wait until its SSH server lets the key in.
//
// It is idempotent: what an earlier run made and what still is as it was is used
// again, a stopped guest is started, a lost key is replaced together with the
// guest that trusts it.
//
// The package speaks the EC2 query protocol through a client of its own of a
// hundred lines (query.go) and not through the AWS SDK: the five calls it makes
// are not worth the gigabytes that compiling the SDK's EC2 client costs.
// Start at quickstart.go. The package starts no goroutines.
package quickstart
