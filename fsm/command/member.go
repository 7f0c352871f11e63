// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// CreateJoinToken makes a token that admits nodes. Its Created and Used are set by the region.
type CreateJoinToken struct{ Token state.JoinToken }

// Type is the command's number.
func (CreateJoinToken) Type() Type { return 5 }

// RevokeJoinToken ends a token before its time. Nodes that it admitted stay.
type RevokeJoinToken struct{ TokenID string }

// Type is the command's number.
func (RevokeJoinToken) Type() Type { return 6 }

// AdmitNode spends one use of a token on a node. A second admission of a node that never registered replaces the
// first: its join was interrupted. Admitted, Registered and Ejected of the member are set by the region.
type AdmitNode struct {
	SecretHash string // of the secret that the node showed, hex
	Member     state.Member
}

// Type is the command's number.
func (AdmitNode) Type() Type { return 7 }

// AdvertiseNode says where a member is now.
type AdvertiseNode struct{ NodeID, ClusterAddr, GossipAddr string }

// Type is the command's number.
func (AdvertiseNode) Type() Type { return 8 }

// InitCluster follows InitRegion: it makes the region one that other nodes can join.
type InitCluster struct {
	Cluster state.Cluster
	First   state.Member
}

// Type is the command's number.
func (InitCluster) Type() Type { return 9 }

// PublishSettings replaces the settings that all members share. Epoch is one more than that of the settings that the
// leader saw; it is refused when others were published meanwhile.
type PublishSettings struct {
	Epoch    uint64
	Settings []byte
}

// Type is the command's number.
func (PublishSettings) Type() Type { return 60 }

// EjectNode records that an operator took a member out of the log, so that the node does not come back by itself.
type EjectNode struct{ NodeID string }

// Type is the command's number.
func (EjectNode) Type() Type { return 61 }

// ReportSnapshot says that a node has fetched a snapshot's bytes.
type ReportSnapshot struct{ SnapshotID, NodeID string }

// Type is the command's number.
func (ReportSnapshot) Type() Type { return 62 }
