// SPDX-License-Identifier: Apache-2.0

// Package faultfs wraps a [vfs.FS] and makes chosen operations fail: a full disk, a dying disk, a write that stops in
// the middle.
//
// A test adds [Rule] values; each operation asks them in the order they were added, and the first that matches and is
// due decides. An operation that no rule wants goes through untouched. An operation that fails does not reach the
// wrapped file system, except the part of a write that [Rule.Short] lets through.
//
// The package owns no goroutines; one mutex guards the rules. Start reading at [Rule].
package faultfs
