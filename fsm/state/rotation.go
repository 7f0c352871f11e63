// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"time"
)

// What can be rotated.
const (
	RotateClusterKey = "cluster-key" // seals every secret of the region
	RotateGossipKey  = "gossip-key"  // encrypts the gossip
	RotateClusterCA  = "cluster-ca"  // signs the certificates of nodes
	RotateAPICA      = "api-ca"      // signs the certificates of the AWS endpoint
)

// RotationKinds are all kinds, sorted.
var RotationKinds = []string{RotateAPICA, RotateClusterCA, RotateClusterKey, RotateGossipKey}

// Phases of a rotation, in their order. A phase ends when every member has said that it is there.
const (
	// RotationSpread: every member gets the new secret beside the old one, and accepts both.
	RotationSpread = "spread"
	// RotationUse: every member uses the new secret, and still accepts the old one.
	RotationUse = "use"
	// RotationRetire: every member forgets the old secret.
	RotationRetire = "retire"
	// RotationDone: only the new secret is left.
	RotationDone = "done"
	// RotationCancelled: given up while it was being spread; only the old secret is left.
	RotationCancelled = "cancelled"
)

// Rotation replaces one of the cluster's secrets. The row stays after its end, as the record of the newest of its kind.
type Rotation struct {
	Kind    string
	Version int // counts the rotations of a kind; of the cluster key it is the new key's version, so it begins at 2
	Phase   string
	Sum     string // names the new secret without telling it, hex
	// Cert and Key are the new secret, sealed under the cluster key: an authority's certificate (DER) and private key,
	// or the gossip key. The cluster key never enters the log: members hand it to each other.
	Cert []byte
	Key  SealedKey
	// Old is the old authority's certificate (DER) while it is still trusted.
	Old     []byte
	Hold    bool // spread waits for an operator
	Started Time
	Changed Time // when the phase began
	Acks    []RotationAck
}

// RotationAck says how far a member has come.
type RotationAck struct{ NodeID, Phase string }

// Rotations by kind.
var Rotations = &Table[Rotation]{name: "rotations", id: 46, since: 2, key: func(r *Rotation) string { return r.Kind }}

// Rotation is the newest rotation of a kind; ok is false when there was none.
func (v *View) Rotation(kind string) (Rotation, bool) {
	r, ok := Rotations.Get(v, AnyAccount, kind)
	if !ok {
		return Rotation{}, false
	}
	return *r, true
}

// Active tells whether the rotation is under way.
func (r Rotation) Active() bool {
	return r.Phase == RotationSpread || r.Phase == RotationUse || r.Phase == RotationRetire
}

// Acked tells whether a member is in the present phase.
func (r Rotation) Acked(node string) bool {
	return slices.Contains(r.Acks, RotationAck{NodeID: node, Phase: r.Phase})
}

// LongestSession is how long temporary credentials may live: 36 hours (API_GetSessionToken). They are made with the
// cluster key of their day, so an old key is needed for so long after its last use.
const LongestSession = Time(36 * time.Hour)

// Retires is when the old cluster key may go, once the new one is in use.
func (r Rotation) Retires() Time { return r.Changed + LongestSession }

// Waiting are the members, by id, that have not said that they are in the present phase. Whoever was admitted counts:
// it got the secrets as they were then.
func (v *View) Waiting(r Rotation) []string {
	var out []string
	for m := range Members.All(v) {
		if !m.Ejected && !r.Acked(m.NodeID) {
			out = append(out, m.NodeID)
		}
	}
	return out
}

// SealVersions are the versions of the cluster key that may stand in rows: everything from oldest on opens, newest seals.
func (c Cluster) SealVersions() (oldest, newest int) {
	newest = max(c.SealVersion, 1)
	return max(c.OldestVersion, 1), newest
}

// StaleSeals counts the rows that are sealed under a version of the cluster key below one.
func (v *View) StaleSeals(version int) int {
	n := 0
	v.Sealed(func(SealedRow) bool { n++; return true }, version)
	return n
}

// SealedRow is one secret in the region's rows.
type SealedRow struct {
	Table   string // access_keys, kms_keys, clusters, rotations
	Key     string // of the row
	Part    int    // of a row with more than one secret, from 0
	Account string // what it is sealed for
	Name    string
	Version int
	Box     []byte
}

// Sealed calls found with every secret that is sealed under a version of the cluster key below one, until found says
// false.
func (v *View) Sealed(found func(SealedRow) bool, below int) {
	say := func(table, key string, part int, account, name string, version int, box []byte) bool {
		return version >= below || len(box) == 0 || found(SealedRow{Table: table, Key: key, Part: part, Account: account, Name: name, Version: version, Box: box})
	}
	for k := range AccessKeys.All(v) {
		if !say(AccessKeys.name, k.ID, 0, k.AccountID, k.ID, k.KeyVersion, k.Secret) {
			return
		}
	}
	for k := range KMSKeys.All(v) {
		for i, m := range k.Materials {
			if !say(KMSKeys.name, k.ID, i, k.AccountID, KMSMaterialName(k.ID, m.Version), m.KeyVersion, m.Box) {
				return
			}
		}
	}
	for c := range Clusters.All(v) {
		for i, k := range c.Keys {
			if !say(Clusters.name, c.Key, i, SealOwner, k.Name, k.Version, k.Box) {
				return
			}
		}
	}
	for r := range Rotations.All(v) {
		if !say(Rotations.name, r.Kind, 0, SealOwner, r.Key.Name, r.Key.Version, r.Key.Box) {
			return
		}
	}
}
