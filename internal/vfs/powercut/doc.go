// SPDX-License-Identifier: Apache-2.0

// Package powercut is a file system in memory that knows what a power cut may do to it.
//
// It keeps two images: the live one, which readers see, and the durable one, which holds what was synced. Between
// them stand the operations that were done but not synced, in order. [FS.Crash] keeps a random subset of those,
// tears the writes among them at 512-byte sectors, throws the rest away and makes the outcome the new live image.
// [FS.Kill] is the death of a process: handles and locks go, the page cache stays.
//
// The model is harsher than ext4 or xfs on purpose, and only as harsh as package vfs allows:
//
//   - data reorders freely: a late write may survive an early one, also within one file;
//   - a name survives only when its directory was synced; Sync of a file does not help its name;
//   - names reorder freely across directories, but a rename is never half done;
//   - a length change is an operation like any other and may get lost or stay alone.
//
// All randomness comes from the seed, so a failing run can be repeated. The package owns no goroutines; one mutex
// guards a file system and everything in it. Start reading at [FS.Crash].
package powercut
