// SPDX-License-Identifier: Apache-2.0

// Package memvol is a volume in memory. It keeps nothing: benchmarks of front ends use it as the engine that costs
// nothing, tests as the disk that is simple enough to be right.
//
// Memory is taken in chunks of 64 KiB when they are first written and given back by Trim and by Zero that may unmap.
// Each chunk has its own lock, so that requests to different chunks never meet. No goroutines. Start at [New].
package memvol
