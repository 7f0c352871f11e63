// SPDX-License-Identifier: Apache-2.0

// Package filevol keeps volumes and snapshots as sparse files of one directory: the engine of a single node.
//
// A [Store] owns the directory. A volume is a directory with a raw file, a small checksummed metadata file and a lock
// file; a snapshot is a directory with a raw file and metadata that holds its SHA-256. FORMAT.md draws both to the byte.
//
// Invariants, each with a test:
//
//   - WRITE is answered after pwrite: it survives the death of the process. Flush and fua are answered after fdatasync.
//   - After a failed fdatasync the volume refuses everything, and so does every later open under the same epoch: the
//     kernel may have dropped the dirty pages, so a later fdatasync that succeeds proves nothing.
//   - The epoch is durable before the volume is served; a lower one is refused with blockstore.ErrFenced.
//   - Metadata is replaced, never overwritten. The order makes every crash harmless: the file grows before the metadata says
//     so, and what is longer than the metadata says is cut on open.
//   - A volume or snapshot is built under a name that starts with a dot and appears by one rename; it goes the same
//     way. Leftovers of either are removed when the store opens.
//   - One process has the store, one handle has a volume: flock on both.
//
// What it does not do: no checksum per block (rot in the raw file is returned as it is), no copies on other nodes, no
// snapshot of a running volume. The journaled engine does these.
//
// The package owns no goroutines. Locks: Store.names serialises what creates, opens and deletes one id; Volume.life
// is read-locked by every request and locked by Close; Volume.metaMu guards the metadata. Order: names, life, metaMu.
// Start reading at [Store], then [Volume].
package filevol
