// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// CreateKMSKey makes a key with its first material, and with an alias when Alias is set. A key of AWS's ("AWS" as its
// manager) that exists under the alias already is left as it is: two nodes may make it at once.
type CreateKMSKey struct {
	Key   state.KMSKey
	Alias string
}

// Type is the command's number.
func (CreateKMSKey) Type() Type { return 150 }

// Since is the region format level that brought the command.
func (CreateKMSKey) Since() int { return 2 }

// ModifyKMSKey changes a key; nil members are left as they are.
type ModifyKMSKey struct {
	AccountID, KeyID string
	Description      *string
	Policy           *string
	Enabled          *bool
	Rotation         *bool
	RotationDays     int // with Rotation
	Tags             []state.Tag
	Untag            []string
}

// Type is the command's number.
func (ModifyKMSKey) Type() Type { return 151 }

// Since is the region format level that brought the command.
func (ModifyKMSKey) Since() int { return 2 }

// ScheduleKMSDeletion has a key deleted after Days, or with Days 0 cancels that: the key is disabled then.
type ScheduleKMSDeletion struct {
	AccountID, KeyID string
	Days             int
}

// Type is the command's number.
func (ScheduleKMSDeletion) Type() Type { return 152 }

// Since is the region format level that brought the command.
func (ScheduleKMSDeletion) Since() int { return 2 }

// RotateKMSKey adds a material. Version is the one it gets: another rotation that was first makes this one void.
type RotateKMSKey struct {
	AccountID, KeyID string
	Material         state.KMSMaterial
}

// Type is the command's number.
func (RotateKMSKey) Type() Type { return 153 }

// Since is the region format level that brought the command.
func (RotateKMSKey) Since() int { return 2 }

// SetKMSAlias names a key: New wants that the alias does not exist, otherwise it has to.
type SetKMSAlias struct {
	AccountID, Name, KeyID string
	New                    bool
}

// Type is the command's number.
func (SetKMSAlias) Type() Type { return 154 }

// Since is the region format level that brought the command.
func (SetKMSAlias) Since() int { return 2 }

// DeleteKMSAlias takes a name away.
type DeleteKMSAlias struct{ AccountID, Name string }

// Type is the command's number.
func (DeleteKMSAlias) Type() Type { return 155 }

// Since is the region format level that brought the command.
func (DeleteKMSAlias) Since() int { return 2 }

// KMSKeyMade is CreateKMSKey's value.
type KMSKeyMade struct{ KeyID string }

// kmsCommands lists one zero value of every command of this file.
func kmsCommands() []Command {
	return []Command{CreateKMSKey{}, ModifyKMSKey{}, ScheduleKMSDeletion{}, RotateKMSKey{}, SetKMSAlias{}, DeleteKMSAlias{}}
}
