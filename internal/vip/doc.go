// SPDX-License-Identifier: Apache-2.0

// Package vip holds one address of the region on whichever node leads it, so that a single endpoint URL outlives its
// node.
//
// The address is put on a network interface for a few seconds at a time and renewed: the kernel takes it off by itself
// (RFC 4862's valid lifetime, which Linux keeps for IPv4 too) when the process that renews it was killed or stopped, so
// a paused leader cannot keep the address for ever. Whoever takes it over tells the link so by gratuitous ARP
// (RFC 5227, section 3), several times, because the first may be lost or answered by the old holder's kernel.
//
// For a moment two machines may answer for the address. That costs a client a retry and nothing else: every node
// answers from the same log, and a node that lost its quorum refuses.
//
// A Holder owns no goroutine; Run blocks and is what a leader does for as long as it leads.
package vip
