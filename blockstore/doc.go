// SPDX-License-Identifier: Apache-2.0

// Package blockstore holds the disks of guests.
//
// This package is only the vocabulary: [Volume], what an engine promises to a front end, and the errors both know.
// The parts stand in their own packages:
//
//   - blockstore/nbd is the front end: it serves a Volume over the NBD protocol;
//   - blockstore/filevol is the file-backed engine of a single node, with its snapshots;
//   - blockstore/memvol is an engine in memory, for benchmarks and tests;
//   - blockstore/blockd is the daemon of a node that puts engine and front end together, and its client.
//
// Ids of volumes and snapshots are opaque here; nothing in these packages knows AWS. The design, its invariants and
// what happens on each failure are in DESIGN.md next to this file. Start reading at [Volume].
package blockstore
