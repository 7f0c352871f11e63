// SPDX-License-Identifier: Apache-2.0

// Package simguest is a node's guests and disks without any: guards that live in memory and answer as real ones do, and
// volumes of which only the size is known.
//
// Two kinds of user: tests of what stands above it, which run hundreds of hosts in virtual time and tell guests what to
// do (Become, SetDeaf, Freeze), and hive agent --simulate-guests, where a host is all that the node has instead of QEMU,
// guards and blockd.
//
// Guests live as long as their Host and end with the process, as guests end when a machine loses its power. Volumes and
// snapshots end with it too, unless Keep was given a directory: then their names and sizes are there again after a
// restart, as disks are.
//
// A Host may be used from many goroutines. It has none, but for timers of guests that run under a fence deadline.
//
// Start reading at simguest.go (guests), then disk.go (volumes and snapshots), fence.go (deadlines).
package simguest
