// SPDX-License-Identifier: Apache-2.0

// Package metrics owns the Prometheus registry of a process and the names in it.
//
// Every metric is declared once, in names.go; docs/reference/metrics.md is
// written from those declarations. Counters and histograms are pushed by the
// code that does the work, through methods of [Registry]. What is a property of
// the state (leader or not, instances by state, capacity) is pulled when a
// scrape happens, from the functions in [Sources]: nobody has to keep a gauge in
// step with the truth, and a scrape of a stopped room shows no stale number.
//
// Invariants: units are SI base units with the suffixes _total, _seconds and
// _bytes; labels are bounded (an unknown API action is counted as "unknown");
// only hive_instance_* carries instance ids, and it can be switched off.
//
// raft and memberlist report through a process-global sink, which
// [Registry.CaptureLibraries] installs. The package starts no goroutines.
package metrics
