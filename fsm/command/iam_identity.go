// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// CreateUser makes an IAM user; the proposer chooses its id.
type CreateUser struct {
	User state.User
}

// Type is the command's number.
func (CreateUser) Type() Type { return 110 }

// Since is the command's format level.
func (CreateUser) Since() int { return 2 }

// UpdateUser renames a user or moves it to another path. Keys, groups, the login profile and policies go with it.
type UpdateUser struct {
	AccountID, Name  string
	NewName, NewPath *string
}

// Type is the command's number.
func (UpdateUser) Type() Type { return 111 }

// Since is the command's format level.
func (UpdateUser) Since() int { return 2 }

// DeleteUser removes a user that has nothing left.
type DeleteUser struct {
	AccountID, Name string
}

// Type is the command's number.
func (DeleteUser) Type() Type { return 112 }

// Since is the command's format level.
func (DeleteUser) Since() int { return 2 }

// CreateGroup makes a group of users.
type CreateGroup struct {
	Group state.IAMGroup
}

// Type is the command's number.
func (CreateGroup) Type() Type { return 113 }

// Since is the command's format level.
func (CreateGroup) Since() int { return 2 }

// UpdateGroup renames a group or moves it to another path.
type UpdateGroup struct {
	AccountID, Name  string
	NewName, NewPath *string
}

// Type is the command's number.
func (UpdateGroup) Type() Type { return 114 }

// Since is the command's format level.
func (UpdateGroup) Since() int { return 2 }

// DeleteGroup removes a group that has nothing left.
type DeleteGroup struct {
	AccountID, Name string
}

// Type is the command's number.
func (DeleteGroup) Type() Type { return 115 }

// Since is the command's format level.
func (DeleteGroup) Since() int { return 2 }

// ChangeMembership puts a user into a group, or takes it out.
type ChangeMembership struct {
	AccountID, Group, User string
	Leave                  bool
}

// Type is the command's number.
func (ChangeMembership) Type() Type { return 116 }

// Since is the command's format level.
func (ChangeMembership) Since() int { return 2 }

// CreateRole makes a role.
type CreateRole struct {
	Role state.Role
}

// Type is the command's number.
func (CreateRole) Type() Type { return 117 }

// Since is the command's format level.
func (CreateRole) Since() int { return 2 }

// UpdateRole changes what is given of a role.
type UpdateRole struct {
	AccountID, Name    string
	Trust, Description *string
	MaxSession         *int // seconds
	RevokeOlder        bool // sessions issued before now end
}

// Type is the command's number.
func (UpdateRole) Type() Type { return 118 }

// Since is the command's format level.
func (UpdateRole) Since() int { return 2 }

// DeleteRole removes a role that has nothing left.
type DeleteRole struct {
	AccountID, Name string
}

// Type is the command's number.
func (DeleteRole) Type() Type { return 119 }

// Since is the command's format level.
func (DeleteRole) Since() int { return 2 }

// CreateInstanceProfile makes an instance profile without a role.
type CreateInstanceProfile struct {
	Profile state.InstanceProfile
}

// Type is the command's number.
func (CreateInstanceProfile) Type() Type { return 120 }

// Since is the command's format level.
func (CreateInstanceProfile) Since() int { return 2 }

// SetProfileRole puts a role into an instance profile, or takes it out.
type SetProfileRole struct {
	AccountID, Profile, Role string
	Remove                   bool
}

// Type is the command's number.
func (SetProfileRole) Type() Type { return 121 }

// Since is the command's format level.
func (SetProfileRole) Since() int { return 2 }

// DeleteInstanceProfile removes an instance profile without a role.
type DeleteInstanceProfile struct {
	AccountID, Name string
}

// Type is the command's number.
func (DeleteInstanceProfile) Type() Type { return 122 }

// Since is the command's format level.
func (DeleteInstanceProfile) Since() int { return 2 }
