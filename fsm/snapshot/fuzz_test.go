// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"bytes"
	"testing"

	"github.com/hivecloud/hive/fsm/snapshot"
	"github.com/hivecloud/hive/fsm/state"
)

func FuzzRead(f *testing.F) {
	s := state.NewStore()
	tx := s.Begin()
	state.Blobs.Put(tx, &state.Blob{Hash: "h", Data: []byte("data"), Refs: 1})
	state.KeyPairs.Put(tx, &state.KeyPair{ID: "key-1", AccountID: "1", Name: "k"})
	tx.Commit()
	var b bytes.Buffer
	if err := snapshot.Write(&b, snapshot.Header{FormatLevel: 1, Index: 7}, s.View()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("HIVESNAP"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, store, err := snapshot.Read(bytes.NewReader(in))
		if (err == nil) != (store != nil) {
			t.Fatalf("store %v with error %v", store != nil, err)
		}
	})
}
