// SPDX-License-Identifier: Apache-2.0

// Package state is the region's truth as rows: what exists, who owns it, what it is meant to be and what was
// observed of it. It is a thin, typed layer over go-memdb (MVCC snapshots, watch channels, cross-table transactions).
//
// Rules, each kept by a test:
//   - A row is immutable once it was put: take a copy (Clone or a plain struct copy), change the copy, Put it.
//   - A resource row belongs to an account. Lookups name the account and never find another account's row;
//     only code that serves the region itself (the scheduler, an executor) passes AnyAccount.
//   - Iteration is in key order, hence the same on every node.
//   - Nothing here reads a clock, rolls dice or does I/O. Time arrives in commands.
//   - Large blobs (user data) are stored once, by hash, with a reference count.
//   - Every write folds into a rolling hash, so that two replicas can compare their whole state in 32 bytes.
//
// Start reading at table.go (what a table is), then store.go (views and transactions), then one file per resource.
package state
