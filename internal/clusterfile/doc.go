// SPDX-License-Identifier: Apache-2.0

// Package clusterfile is cluster.json: the settings that all members of a cluster share, signed, and the same on every
// node byte by byte.
//
// The leader makes a new one, with the next epoch, when members come, go or move, and puts its bytes into the log; the
// nodes write what the log holds. So there is one writer, and two nodes with the same epoch have the same file. A node
// that starts finds the others by it before it has any state; tools can read it without asking anybody.
//
// The signature (ed25519) covers the file with an empty sig member, in the one form that this package writes. The
// public key is in the region's state and comes with the join. No goroutines, no I/O.
package clusterfile
