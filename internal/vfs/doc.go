// SPDX-License-Identifier: Apache-2.0

// Package vfs is the seam between Hive and the file system: everything that writes disks writes them through an [FS].
//
// It exists so that durability claims can be tested. Three implementations share one contract:
//
//   - [OS] is the real Linux file system;
//   - package vfs/powercut remembers what was synced and what was not, and at a simulated power cut keeps a random,
//     torn subset of the rest;
//   - package vfs/faultfs wraps another FS and injects ENOSPC, EIO and short writes.
//
// The contract (what a caller may rely on, and nothing more):
//
//   - A write is visible to every later read of any handle, and survives the death of the process, once WriteAt returned.
//   - A write survives a power cut only after Sync or Datasync of that file returned nil.
//   - A created, renamed or removed name survives a power cut only after SyncDir of its directory returned nil;
//     Sync of a file does not make its name durable.
//   - After Sync or Datasync returned an error, the state of every write since the last good one is unknown for ever:
//     the kernel may have dropped the dirty pages and a second Sync may report success ("fsyncgate"). Callers must not
//     retry; they must treat the file as lost since its last good sync.
//
// vfs owns no goroutines and keeps no state. Start reading at [FS] and [File], then [WriteFileAtomic] and [CopySparse].
package vfs
