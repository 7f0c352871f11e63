// SPDX-License-Identifier: Apache-2.0

// Package backup is the file format of a region's backup: one file from which the region can be made again on an empty
// machine. It holds a snapshot of the region's state and, sealed with a passphrase, everything that the state alone
// cannot give back: the cluster key (without which no access key opens), the gossip key and the two authorities with
// their keys (without which clients and nodes would have to trust anew). It does not hold the bytes of volumes.
//
// The file, big-endian:
//
//	offset 0     8 bytes  "HIVEBACK"
//	       8     2 bytes  version, 1
//	       10    4 bytes  length m of the manifest, at most 64 KiB
//	       14    m bytes  Manifest as JSON, in the clear
//	       ..    4 bytes  length s of the sealed part, at most 1 MiB
//	       ..    s bytes  XChaCha20-Poly1305 of the Secrets as JSON; additional data: everything before the sealed part
//	       ..    8 bytes  length n of the snapshot
//	       ..    n bytes  the snapshot, as raftnode.ReadSnapshot takes it
//	       ..   32 bytes  SHA-256 of everything before
//
// The key of the sealed part is Argon2id of the passphrase with the salt and the costs of the manifest; the nonce is
// in the manifest too. Costs beyond what this program writes are refused: a file must not be able to take all memory.
//
// The state's part is in the clear, as the log on the nodes' disks is: it holds no secret of an access key, but names,
// addresses and user data. Files are made with mode 0600. Start reading at [Write] and [Read].
package backup
