// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// ImportImage records an image whose bytes a node has taken in: its snapshot and the image over it.
type ImportImage struct {
	Snapshot state.Snapshot
	Image    state.Image
	Tags     []state.Tag
}

// Type is the command's number.
func (ImportImage) Type() Type { return 40 }

// RegisterImage records an image over existing snapshots.
type RegisterImage struct {
	Image state.Image
	Tags  []state.Tag
}

// Type is the command's number.
func (RegisterImage) Type() Type { return 41 }

// DeregisterImage removes an image; instances made from it are left alone.
type DeregisterImage struct {
	AccountID       string
	ImageID         string
	DeleteSnapshots bool
}

// Type is the command's number.
func (DeregisterImage) Type() Type { return 42 }

// Deregistered is DeregisterImage's value: what became of each snapshot.
type Deregistered struct {
	Snapshots []SnapshotOutcome
}

// SnapshotOutcome tells of one snapshot whether it was deleted with its image.
type SnapshotOutcome struct {
	SnapshotID string
	Code       string // success | skipped: still used by another image
}

// ModifyImage changes attributes of an image; a nil field leaves the attribute as it is.
type ModifyImage struct {
	AccountID      string
	ImageID        string
	Description    *string
	Deprecation    *state.Time // zero clears it
	State          *string
	IMDS           *string
	Public         *bool
	AddAccounts    []string
	RemoveAccounts []string
	ResetLaunch    bool
}

// Type is the command's number.
func (ModifyImage) Type() Type { return 43 }

// DeleteSnapshot removes a snapshot that no image uses.
type DeleteSnapshot struct{ AccountID, SnapshotID string }

// Type is the command's number.
func (DeleteSnapshot) Type() Type { return 44 }
