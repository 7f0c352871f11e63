// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/hivecloud/hive/fsm/state"
)

// keepBlob stores data once and counts refs more users of it; it answers with the hash, "" for no data.
func (a *apply) keepBlob(data []byte, refs int) string {
	if len(data) == 0 || refs == 0 {
		return ""
	}
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:])
	b := state.Blob{Hash: hash, Data: data}
	if old, ok := state.Blobs.Get(a.View, state.AnyAccount, hash); ok {
		b.Refs = old.Refs
	}
	b.Refs += refs
	state.Blobs.Put(a.Txn, &b)
	return hash
}

// dropBlob takes one user of a blob away; the last one takes the blob along.
func (a *apply) dropBlob(hash string) {
	old, ok := state.Blobs.Get(a.View, state.AnyAccount, hash)
	if hash == "" || !ok {
		return
	}
	if old.Refs <= 1 {
		state.Blobs.Delete(a.Txn, hash)
		return
	}
	b := *old
	b.Refs--
	state.Blobs.Put(a.Txn, &b)
}
