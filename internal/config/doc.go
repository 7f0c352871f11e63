// SPDX-License-Identifier: Apache-2.0

// Package config owns the node's configuration: what keys exist, where a value
// may come from, and what makes a value unacceptable.
//
// The schema is the struct [Config] itself. Its tags carry the key, the default,
// the bounds and the sentence that documents it, so that the HCL decoder, the
// environment, the flags, `hive config show --origin` and docs/reference/config.md
// cannot disagree: all of them walk the same list of leaves (leaf.go).
//
// Invariants:
//   - A value comes from exactly one place, the last of: default, *.hcl files in
//     name order, HIVE_* environment, flags. [Config.Origins] names it.
//   - Every fault of every source is reported in one run, in file order, with the
//     source line. Only a file that cannot be parsed hides its later faults: one
//     missing quote makes nonsense of everything after it.
//   - Unknown input is refused by name, with the nearest known name.
//   - Load reads files and nothing else; it opens no socket and starts nothing.
//
// Reading order: config.go (schema), load.go (sources), leaf.go (the walk),
// value.go (units), validate.go (rules between values), diagnostics.go (output).
// The package starts no goroutines.
package config
