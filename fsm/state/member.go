// SPDX-License-Identifier: Apache-2.0

package state

// JoinToken lets nodes into the cluster: so many, until a point in time. Who holds the token holds its secret; the log
// has only the secret's hash.
type JoinToken struct {
	ID         string // jt- and hex digits
	SecretHash string // SHA-256, hex
	Uses       int    // how many nodes it admits
	Used       int
	Created    Time
	Expires    Time
	Revoked    bool
	Note       string // the operator's own words
}

// JoinTokens by id.
var JoinTokens = &Table[JoinToken]{name: "join_tokens", id: 30, key: func(t *JoinToken) string { return t.ID }}

// Member is a node that may take part in the cluster: the first one, or one that a join token admitted. It is there
// before the node's own record, which the node writes when it has caught up with the log.
type Member struct {
	NodeID      string
	Name        string
	Zone        string
	KeyPin      string // fingerprint of the node's key, hex: the certificate may be renewed, the key stays
	TokenID     string // the token that admitted it; "" for the first node
	ClusterAddr string // host:port of its cluster port, as it last said
	GossipAddr  string // host:port of its gossip
	Admitted    Time
	Registered  Time // zero: admitted and not seen yet
	Ejected     bool // an operator took it out of the log; it may only come back by another join
}

// Members by node id.
var Members = &Table[Member]{name: "members", id: 31, key: func(m *Member) string { return m.NodeID }}

// SealedKey is a private key of the cluster, sealed under the cluster key, which never enters the log.
type SealedKey struct {
	Name    string
	Box     []byte
	Version int // of the cluster key
}

// SealOwner stands where access keys have their account in what a cluster's own secret is sealed for.
const SealOwner = "cluster"

// ClusterKey is the key of the one Cluster row.
const ClusterKey = "cluster"

// Cluster is what nodes need to let others in: the authorities, whose keys every member can open, and the settings
// that all members share.
type Cluster struct {
	Key         string // always ClusterKey
	TargetSize  int
	ClusterCA   []byte // certificate, DER
	APICA       []byte // certificate, DER
	Keys        []SealedKey
	SettingsKey []byte // ed25519 public key that signs Settings
	Epoch       uint64 // of Settings
	Settings    []byte // cluster.json, byte by byte
	// Versions of the cluster key, zero means 1: the one that seals now, and the oldest that may still stand in a row.
	SealVersion   int `codec:",omitempty"`
	OldestVersion int `codec:",omitempty"`
}

// Clusters holds the one Cluster row.
var Clusters = &Table[Cluster]{name: "clusters", id: 32, key: func(c *Cluster) string { return c.Key }}

// Cluster is the cluster's row; ok is false before there is one.
func (v *View) Cluster() (Cluster, bool) {
	c, ok := Clusters.Get(v, AnyAccount, ClusterKey)
	if !ok {
		return Cluster{}, false
	}
	return *c, true
}

// Sealed is the sealed key of a name.
func (c Cluster) Sealed(name string) (SealedKey, bool) {
	for _, k := range c.Keys {
		if k.Name == name {
			return k, true
		}
	}
	return SealedKey{}, false
}
