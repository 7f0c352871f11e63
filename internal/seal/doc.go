// SPDX-License-Identifier: Apache-2.0

// Package seal keeps secrets that the region must be able to read back, the secret halves of API access keys, out of
// everything that is written or copied: the log, its snapshots, backups and log lines hold ciphertext only.
//
// It is envelope encryption. Every secret is encrypted with its own random data key (AES-256-GCM); the data key is
// encrypted with a key derived from the cluster key (HKDF-SHA-256, then AES-256-GCM). The cluster key lives in one file
// of mode 0600 on every node that serves the API, and nowhere else. Both encryptions bind the account and the access key id as
// associated data, and the outer one the version of the cluster key too, so that a box moved to another row does not open.
//
// Rotation adds a version to the key file on every node (Add, Take), then has it seal (Follow); Rewrap turns a box of the
// old version into one of the new without ever having the secret in hand; when no row names the old version any more,
// Drop forgets it. When each step may be taken is the region's decision (fsm/rotation.go).
//
// Invariants, each kept by a test: a Secret prints as "[redacted]" whatever the verb; a box opens only with the account,
// key id and version it was made for; a key file that others may read is refused; a file that is damaged is refused.
//
// A Ring is safe for concurrent use. There are no goroutines. Start reading at ring.go; box.go draws the box, file.go the file.
package seal
