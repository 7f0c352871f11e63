// SPDX-License-Identifier: Apache-2.0

// Package metricstore keeps what a node measured: samples of what guests, volumes and the node itself used, for a
// number of days, in a bounded number of bytes and of subjects.
//
// A sample is one moment of one [Subject] with its values. Samples go to the end of a segment, an append-only file; old
// segments are deleted whole. An index in memory says where each subject's samples are. DESIGN.md draws the format.
//
// What a caller may rely on: what Append returned nil for survives the death of the process at any moment; what Sync
// returned nil for survives a power cut. What is lost otherwise is the end: reads see whole samples of a prefix, never
// torn or mixed ones. The store knows no units, no accounts but as text, no AWS names.
//
// A Store has no goroutines; its methods may be called from many. Start reading at [Store], then segment.go.
package metricstore
