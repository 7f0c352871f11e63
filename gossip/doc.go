// SPDX-License-Identifier: Apache-2.0

// Package gossip knows which nodes are there, what they say about themselves, and who just died. It wraps memberlist
// (SWIM with Lifeguard), encrypted with the cluster's gossip key, on a UDP and TCP port of its own.
//
// What it says are hints. Capabilities, votes and addresses that matter are registered in the region's log; gossip
// finds nodes quickly (a crash is seen within about 3 s among a few nodes) and tells where they are right now.
//
// Each node publishes a [Meta] of at most 512 bytes. [Gossip.Members] is everyone this node ever saw since it started,
// with their state; [Gossip.Changed] rings when that changes, [Gossip.Watch] turns changes into events. Events follow
// the state, so a member that flaps faster than one looks is seen once.
//
// A node that leaves in good order marks its Meta first, which is how the others tell leaving from dying. memberlist
// forgets the dead after half a minute; so that a partition that lasted longer heals by itself, the dead and the seeds
// are tried again now and then.
//
// Keys: the first of [Config.Keys] encrypts, all of them decrypt. Rotation is InstallKey on all nodes, then UseKey on
// all, then RemoveKey on all.
//
// Goroutines: Run owns memberlist's and its own loop, and ends them all.
package gossip
