// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// SetAccountStatus suspends an account, resumes it, or begins its deletion.
type SetAccountStatus struct{ AccountID, Status string }

// Type is the command's number.
func (SetAccountStatus) Type() Type { return 160 }

// Since is the region format level that brought the command.
func (SetAccountStatus) Since() int { return 2 }

// RemoveAccount forgets a closing account with everything of it. Instances and volumes must be gone.
type RemoveAccount struct{ AccountID string }

// Type is the command's number.
func (RemoveAccount) Type() Type { return 161 }

// Since is the region format level that brought the command.
func (RemoveAccount) Since() int { return 2 }

// PutServiceControlPolicy makes a policy, or replaces the document and description of the one with its name.
type PutServiceControlPolicy struct{ Policy state.ServiceControlPolicy }

// Type is the command's number.
func (PutServiceControlPolicy) Type() Type { return 162 }

// Since is the region format level that brought the command.
func (PutServiceControlPolicy) Since() int { return 2 }

// DeleteServiceControlPolicy forgets a policy that is attached to no account.
type DeleteServiceControlPolicy struct{ PolicyID string }

// Type is the command's number.
func (DeleteServiceControlPolicy) Type() Type { return 163 }

// Since is the region format level that brought the command.
func (DeleteServiceControlPolicy) Since() int { return 2 }

// AttachServiceControlPolicy attaches a policy to an account, or detaches it. state.FullAccess is attached to every
// account until it is detached.
type AttachServiceControlPolicy struct {
	PolicyID, AccountID string
	Detach              bool
}

// Type is the command's number.
func (AttachServiceControlPolicy) Type() Type { return 164 }

// Since is the region format level that brought the command.
func (AttachServiceControlPolicy) Since() int { return 2 }

// SetQuota sets a limit of an account, or with Reset gives it the default again.
type SetQuota struct {
	AccountID, Code string
	Value           int64
	Reset           bool
}

// Type is the command's number.
func (SetQuota) Type() Type { return 165 }

// Since is the region format level that brought the command.
func (SetQuota) Since() int { return 2 }

// governanceCommands lists one zero value of every command of this file.
func governanceCommands() []Command {
	return []Command{SetAccountStatus{}, RemoveAccount{}, PutServiceControlPolicy{}, DeleteServiceControlPolicy{}, AttachServiceControlPolicy{}, SetQuota{}}
}
