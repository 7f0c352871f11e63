// SPDX-License-Identifier: Apache-2.0

// Package beacon lets a machine that is about to join find members of its cluster on its local links, where the token's
// addresses do not help.
//
// The joiner asks by multicast, on every interface that is up; members whose cluster port can be reached on that
// interface answer it alone, with the address of that port. Nothing secret is said and nothing of an answer is believed:
// an address is a candidate, and the TLS exchange with the pinned authority (internal/join) proves who is there before
// the joiner says its secret. Somebody on the link can lie, and costs the joiner a dial.
//
// # On the wire
//
// Both are UDP datagrams to and from port 8445; a question goes to 239.255.72.86 (RFC 2365, local scope) and to
// ff12::8000:4856 (link-local, transient, RFC 4291 and 3307). Numbers are big endian.
//
//	question, 92 bytes                          answer, 46 bytes
//	 0  4  magic "HvLS"                          0  4  magic "HvLS"
//	 4  1  version, 1                            4  1  version, 1
//	 5  1  kind, "q"                             5  1  kind, "a"
//	 6  2  zero                                  6  2  zero
//	 8 16  nonce, random                         8 16  nonce of the question
//	24  1  length of the cluster id, 1 to 63    24 16  IP address, IPv4 as ::ffff:a.b.c.d
//	25 63  cluster id, then zeros               40  2  port, not 0
//	88  4  CRC-32C of bytes 0 to 87             42  4  CRC-32C of bytes 0 to 41
//
// What differs in any way, a longer datagram included, is dropped without an answer. An answer is half as long as its
// question, members answer ten questions a second at most, and every datagram has a TTL (hop limit) of 1: it dies at the
// first router, so nobody can be flooded through a member but from their own link, at a loss.
//
// # Goroutines
//
// A [Responder] has one for each address family and one that looks for new interfaces, all of which Run waits for.
// [Search] waits for its own. Start reading at message.go.
package beacon
