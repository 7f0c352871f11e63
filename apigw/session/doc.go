// SPDX-License-Identifier: Apache-2.0

// Package session makes and reads temporary credentials: an access key (ASIA...), its secret and a session token.
//
// The token is self-contained and sealed under a key derived from the cluster key, and the secret derives from the
// cluster key and the access key id. So every node of the region can check a signature made with them, and no
// credentials are ever written: handing them out costs no entry in the log. What a token says is what was true when it was
// made; whether it still counts (the role exists, was not revoked, the account is active) the reader decides from the
// region's state: see apigw/principals.
//
// Format, in bytes; the whole is base64 (standard alphabet, padded):
//
//	 0       3         4             8           20                 20+n    36+n
//	+-------+---------+-------------+-----------+------------------+--------+
//	| "HIV" | version | key version | nonce     | claims           | tag    |
//	|       | 0x01    | big endian  | 12 random | AES-256-GCM      | 16     |
//	+-------+---------+-------------+-----------+------------------+--------+
//
// The key is HKDF-SHA-256(cluster key of that version, "hive session token 1"); associated data are the first eight bytes
// and the access key id, so that a token opens with its own access key only. Nonces are random: a key version is good
// for 2^32 tokens. Claims are a DEFLATE stream of msgpack (see claims.go), decoded strictly. The secret is
// the base64 of the first 30 bytes of HMAC-SHA-256(HKDF(cluster key, "hive session secret 1"), access key id).
//
// A version of the cluster key that is dropped takes the sessions made under it along. There are no goroutines. Start at
// keeper.go.
package session
