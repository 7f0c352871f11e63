// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// maxTrust is AWS's default quota of a trust policy, in characters without white space.
const maxTrust = 2048

// role finds a role.
func (a *apply) role(account, name string) (*state.Role, *command.Error) {
	r, ok := state.Roles.Get(a.View, account, state.RoleKey(account, name))
	if !ok {
		return nil, notFound(command.KindRole, name)
	}
	return r, nil
}

func (a *apply) createRole(c command.CreateRole) (any, *command.Error) {
	r := c.Role
	if _, ok := state.Accounts.Get(a.View, r.AccountID, r.AccountID); !ok {
		return nil, command.Errorf(noSuchEntity, "The account %s cannot be found.", r.AccountID)
	}
	if taken(state.Roles.Of(a.View, r.AccountID), func(r *state.Role) string { return r.Name }, r.Name, "") {
		return nil, command.Errorf(entityExists, "Role with name %s already exists.", r.Name)
	}
	if refusal := trustFits(r.Trust); refusal != nil {
		return nil, refusal
	}
	if refusal := a.attachable(r.AccountID, r.Boundary); refusal != nil {
		return nil, refusal
	}
	if len(r.Tags) > maxTags {
		return nil, command.Errorf(limitExceeded, "The number of tags has reached the maximum limit of %d.", maxTags)
	}
	r.Attached, r.Inline, r.Created, r.RevokedBefore = nil, nil, a.now, 0
	state.Roles.Put(a.Txn, &r)
	return nil, nil
}

func trustFits(text string) *command.Error {
	if size(text) > maxTrust {
		return command.Errorf(limitExceeded, "Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	return nil
}

func (a *apply) updateRole(c command.UpdateRole) (any, *command.Error) {
	old, refusal := a.role(c.AccountID, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	r := *old
	if c.Trust != nil {
		if refusal := trustFits(*c.Trust); refusal != nil {
			return nil, refusal
		}
		r.Trust = *c.Trust
	}
	if c.Description != nil {
		r.Description = *c.Description
	}
	if c.MaxSession != nil {
		r.MaxSession = *c.MaxSession
	}
	if c.RevokeOlder {
		r.RevokedBefore = a.now
	}
	state.Roles.Put(a.Txn, &r)
	return nil, nil
}

func (a *apply) deleteRole(c command.DeleteRole) (any, *command.Error) {
	r, refusal := a.role(c.AccountID, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	for p := range state.InstanceProfiles.Of(a.View, c.AccountID) {
		if p.Role == c.Name {
			return nil, command.Errorf(deleteConflict, "Cannot delete entity, must remove roles from instance profile first.")
		}
	}
	switch {
	case len(r.Attached) > 0:
		return nil, command.Errorf(deleteConflict, "Cannot delete entity, must detach all policies first.")
	case len(r.Inline) > 0:
		return nil, command.Errorf(deleteConflict, "Cannot delete entity, must delete policies first.")
	}
	state.Roles.Delete(a.Txn, state.RoleKey(c.AccountID, c.Name))
	return nil, nil
}

// profile finds an instance profile.
func (a *apply) profile(account, name string) (*state.InstanceProfile, *command.Error) {
	p, ok := state.InstanceProfiles.Get(a.View, account, state.InstanceProfileKey(account, name))
	if !ok {
		return nil, notFound(command.KindProfile, name)
	}
	return p, nil
}

func (a *apply) createInstanceProfile(c command.CreateInstanceProfile) (any, *command.Error) {
	p := c.Profile
	if taken(state.InstanceProfiles.Of(a.View, p.AccountID), func(p *state.InstanceProfile) string { return p.Name }, p.Name, "") {
		return nil, command.Errorf(entityExists, "Instance Profile %s already exists.", p.Name)
	}
	if len(p.Tags) > maxTags {
		return nil, command.Errorf(limitExceeded, "The number of tags has reached the maximum limit of %d.", maxTags)
	}
	p.Role, p.Created = "", a.now
	state.InstanceProfiles.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) setProfileRole(c command.SetProfileRole) (any, *command.Error) {
	old, refusal := a.profile(c.AccountID, c.Profile)
	if refusal != nil {
		return nil, refusal
	}
	if _, refusal := a.role(c.AccountID, c.Role); refusal != nil {
		return nil, refusal
	}
	p := *old
	switch {
	case c.Remove && p.Role != c.Role:
		return nil, notFound(command.KindRole, c.Role)
	case c.Remove:
		p.Role = ""
	case p.Role != "":
		return nil, command.Errorf(limitExceeded, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	default:
		p.Role = c.Role
	}
	state.InstanceProfiles.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) deleteInstanceProfile(c command.DeleteInstanceProfile) (any, *command.Error) {
	p, refusal := a.profile(c.AccountID, c.Name)
	switch {
	case refusal != nil:
		return nil, refusal
	case p.Role != "":
		return nil, command.Errorf(deleteConflict, "Cannot delete entity, must remove roles from instance profile first.")
	}
	state.InstanceProfiles.Delete(a.Txn, state.InstanceProfileKey(c.AccountID, c.Name))
	return nil, nil
}
