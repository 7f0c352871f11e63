// SPDX-License-Identifier: Apache-2.0

// Package join is how a machine becomes a node of a cluster: the token that an operator carries over, and the one
// exchange in which a member hands out certificates for it.
//
// A [Token] names the cluster, pins its authority by a hash, lists members, and holds a secret. The joiner dials a
// member's cluster port with its own protocol (rpc.ProtoJoin), on which only the member proves who it is; nothing is
// said before the pin has matched. It then sends one [Application] (name, addresses, certificate requests, secret) and
// gets one [Grant] or a reason. Private keys never travel, except the cluster's own: the cluster key and the gossip
// key, which every node has.
//
// Everybody can reach this protocol. So frames are short, a connection has seconds, few are served at once, and what a
// stranger is told is the refusal and nothing about the region. What an admission means is the [Gate]'s business.
//
// A [Server] owns a goroutine for each connection and waits for them. Start reading at server.go.
package join
