// SPDX-License-Identifier: Apache-2.0

// Package testcluster is a cluster in one process for tests: nodes that keep a group of package raftnode, on a network
// and on disks that can be made to misbehave.
//
// A [Network] is a rpc.Network for any number of nodes. Its streams behave like TCP: what is sent over a cut link is
// kept and arrives when the link heals, in order; whoever waits longer than his deadline gives up. Links are cut in
// one direction at a time, and have a delay that is drawn from a seed. A [Disk] is a log store in memory that can be
// stalled: writes wait until it is resumed. It survives the node that used it, for restarts.
//
// All of it lives in memory and uses only the time package, so that it runs in a testing/synctest bubble, where a
// minute of elections costs seconds. A [Cluster] must be closed before the bubble ends. Start at [New].
package testcluster
