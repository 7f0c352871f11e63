// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// AssociateProfile gives an instance an instance profile. An instance that has one is refused.
type AssociateProfile struct{ Association state.ProfileAssociation }

// Type is the command's number.
func (AssociateProfile) Type() Type { return 140 }

// Since is the format level that brought it.
func (AssociateProfile) Since() int { return 2 }

// DisassociateProfile takes the instance profile from an instance.
type DisassociateProfile struct{ AccountID, AssociationID string }

// Type is the command's number.
func (DisassociateProfile) Type() Type { return 141 }

// Since is the format level that brought it.
func (DisassociateProfile) Since() int { return 2 }

// ReplaceProfile puts an association in the place of another, of the same instance.
type ReplaceProfile struct {
	AssociationID string // the old one
	Association   state.ProfileAssociation
}

// Type is the command's number.
func (ReplaceProfile) Type() Type { return 142 }

// Since is the format level that brought it.
func (ReplaceProfile) Since() int { return 2 }

// profileCommands lists one zero value of each.
func profileCommands() []Command {
	return []Command{AssociateProfile{}, DisassociateProfile{}, ReplaceProfile{}}
}

// Since is the format level that the launch needs: instance profiles came with level 2.
func (c RunInstances) Since() int {
	for _, l := range c.Launches {
		if l.Profile != nil {
			return 2
		}
	}
	return 1
}
