// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// StartRotation begins to replace one of the cluster's secrets. Phase, Old, Acks and the times are set by the region.
// Version is one more than that of the newest rotation of the kind (of the cluster key: more than every version so far).
type StartRotation struct{ Rotation state.Rotation }

// Type is the command's number.
func (StartRotation) Type() Type { return 180 }

// Since is the region format level that brought the command.
func (StartRotation) Since() int { return 2 }

// AckRotation says that a member has come to a phase of a rotation.
type AckRotation struct {
	NodeID, Kind string
	Version      int
	Phase        string
}

// Type is the command's number.
func (AckRotation) Type() Type { return 181 }

// Since is the region format level that brought the command.
func (AckRotation) Since() int { return 2 }

// AdvanceRotation ends the present phase of a rotation, From, when every member has come to it. Retiring the cluster
// key waits until nothing is sealed under the old one and its longest session has ended; Force does not wait for the
// sessions. Force is also the operator's word for a rotation that is on hold.
type AdvanceRotation struct {
	Kind    string
	Version int
	From    string
	Force   bool
}

// Type is the command's number.
func (AdvanceRotation) Type() Type { return 182 }

// Since is the region format level that brought the command.
func (AdvanceRotation) Since() int { return 2 }

// CancelRotation gives a rotation up whose secret is still being spread.
type CancelRotation struct {
	Kind    string
	Version int
}

// Type is the command's number.
func (CancelRotation) Type() Type { return 183 }

// Since is the region format level that brought the command.
func (CancelRotation) Since() int { return 2 }

// RewrapSecrets replaces boxes by boxes of the same secrets under the present version of the cluster key. A row that
// has changed meanwhile is left as it is.
type RewrapSecrets struct {
	Version int
	Rows    []Rewrapped
}

// Rewrapped is one box: where it stands, and the version of the cluster key that it was sealed under.
type Rewrapped struct {
	Table, Key string
	Part       int
	Was        int
	Box        []byte
}

// Type is the command's number.
func (RewrapSecrets) Type() Type { return 184 }

// Since is the region format level that brought the command.
func (RewrapSecrets) Since() int { return 2 }

// rotationCommands lists one zero value of every command of this file.
func rotationCommands() []Command {
	return []Command{StartRotation{}, AckRotation{}, AdvanceRotation{}, CancelRotation{}, RewrapSecrets{}}
}
