// SPDX-License-Identifier: Apache-2.0

package command

import (
	"slices"

	"github.com/hivecloud/hive/fsm/state"
)

// InitRegion is the first command of a region's log: it names the region. A second one is refused.
type InitRegion struct {
	ClusterID   string
	Name        string
	Zones       []state.Zone
	FormatLevel int
	PublicPool  string
	MaxVCPUs    int
}

// Type is the command's number.
func (InitRegion) Type() Type { return 1 }

// Tick tells the time: what is past its hour (client tokens, terminated instances) is forgotten. The leader proposes it.
type Tick struct{}

// Type is the command's number.
func (Tick) Type() Type { return 2 }

// RegisterNode adds a node or replaces what it says of itself. It grows the node's epoch; a node that was declared lost
// is back by it. What the region decided about the node (cordoned, draining, capabilities) stays.
type RegisterNode struct {
	Node       state.Node
	KeyPin     string // fingerprint of the node's key, hex
	GossipAddr string // host:port of its gossip
}

// Type is the command's number.
func (RegisterNode) Type() Type { return 3 }

// ReportNode carries what a node sees of itself from time to time.
type ReportNode struct {
	NodeID         string
	NodeEpoch      uint64 // in which the node registered; 0 is not checked
	FreeStorageGiB int64
}

// Type is the command's number.
func (ReportNode) Type() Type { return 4 }

// CreateAccount makes an account with its root user and its default VPC, all with ids chosen by the proposer.
type CreateAccount struct {
	Account state.Account
	Users   []state.User // the root user and any first admin
	Keys    []state.AccessKey
	VPC     state.VPC
	Subnets []state.Subnet // one a zone
	Group   state.SecurityGroup
}

// Type is the command's number.
func (CreateAccount) Type() Type { return 10 }

// CreateAccessKey adds a key to a user (at most two, as AWS allows).
type CreateAccessKey struct{ Key state.AccessKey }

// Type is the command's number.
func (CreateAccessKey) Type() Type { return 11 }

// UpdateAccessKey switches a key on or off.
type UpdateAccessKey struct{ AccountID, UserName, KeyID, Status string }

// Type is the command's number.
func (UpdateAccessKey) Type() Type { return 12 }

// DeleteAccessKey removes a key.
type DeleteAccessKey struct{ AccountID, UserName, KeyID string }

// Type is the command's number.
func (DeleteAccessKey) Type() Type { return 13 }

// All lists one zero value of every command.
func All() []Command {
	return slices.Concat([]Command{
		InitRegion{}, Tick{}, RegisterNode{}, ReportNode{}, CreateAccount{}, CreateAccessKey{}, UpdateAccessKey{}, DeleteAccessKey{},
		CreateKeyPair{}, DeleteKeyPair{}, CreateTags{}, DeleteTags{},
		RunInstances{}, StartInstances{}, StopInstances{}, RebootInstances{}, TerminateInstances{}, ModifyInstance{},
		MonitorInstances{}, ReportInstances{}, ReportVolumes{},
		ImportImage{}, RegisterImage{}, DeregisterImage{}, ModifyImage{}, DeleteSnapshot{},
		CreateJoinToken{}, RevokeJoinToken{}, AdmitNode{}, AdvertiseNode{}, InitCluster{}, PublishSettings{}, EjectNode{}, ReportSnapshot{},
		SetSetting{}, RestoreRegion{}, SetFormatLevel{},
		CreatePlacementGroup{}, DeletePlacementGroup{}, ModifyInstancePlacement{},
	}, identityCommands(), profileCommands(), kmsCommands(), governanceCommands(), nodeCommands(), rotationCommands())
}
