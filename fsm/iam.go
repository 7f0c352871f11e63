// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Codes of IAM's refusals.
const (
	entityExists   = "EntityAlreadyExists"
	noSuchEntity   = "NoSuchEntity"
	deleteConflict = "DeleteConflict"
	limitExceeded  = "LimitExceeded"
)

// AWS's default quotas of IAM (IAM User Guide, "IAM and AWS STS quotas").
const (
	maxAttached       = 10
	maxGroupsPerUser  = 10
	maxPolicyVersions = 5
	maxTags           = 50
	maxClients        = 100
)

// runIdentity is the part of run that is IAM's.
func (a *apply) runIdentity(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.CreateUser:
		return a.createUser(c)
	case command.UpdateUser:
		return a.updateUser(c)
	case command.DeleteUser:
		return a.deleteUser(c)
	case command.CreateGroup:
		return a.createGroup(c)
	case command.UpdateGroup:
		return a.updateGroup(c)
	case command.DeleteGroup:
		return a.deleteGroup(c)
	case command.ChangeMembership:
		return a.changeMembership(c)
	case command.CreateRole:
		return a.createRole(c)
	case command.UpdateRole:
		return a.updateRole(c)
	case command.DeleteRole:
		return a.deleteRole(c)
	case command.CreateInstanceProfile:
		return a.createInstanceProfile(c)
	case command.SetProfileRole:
		return a.setProfileRole(c)
	case command.DeleteInstanceProfile:
		return a.deleteInstanceProfile(c)
	}
	return a.runPolicies(c)
}

// runPolicies is the part of run that is about what identities hold.
func (a *apply) runPolicies(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.CreateManagedPolicy:
		return a.createManagedPolicy(c)
	case command.CreatePolicyVersion:
		return a.createPolicyVersion(c)
	case command.SetDefaultPolicyVersion:
		return a.setDefaultPolicyVersion(c)
	case command.DeletePolicyVersion:
		return a.deletePolicyVersion(c)
	case command.DeleteManagedPolicy:
		return a.deleteManagedPolicy(c)
	case command.AttachPolicy:
		return a.attachPolicy(c)
	case command.PutInlinePolicy:
		return a.putInlinePolicy(c)
	case command.SetBoundary:
		return a.setBoundary(c)
	case command.TagIdentity:
		return a.tagIdentity(c)
	case command.SetAccountAlias:
		return a.setAccountAlias(c)
	case command.SetPasswordPolicy:
		return a.setPasswordPolicy(c)
	case command.SetLoginProfile:
		return a.setLoginProfile(c)
	case command.CreateOIDCProvider:
		return a.createOIDCProvider(c)
	case command.UpdateOIDCProvider:
		return a.updateOIDCProvider(c)
	case command.DeleteOIDCProvider:
		return a.deleteOIDCProvider(c)
	case command.ReportKeyUses:
		return a.reportKeyUses(c)
	}
	return a.runKMS(c)
}

// notFound is IAM's refusal of a name that names nothing.
func notFound(kind command.IdentityKind, name string) *command.Error {
	switch kind {
	case command.KindPolicy:
		return command.Errorf(noSuchEntity, "Policy %s was not found.", name)
	case command.KindProfile:
		return command.Errorf(noSuchEntity, "Instance Profile %s cannot be found.", name)
	case command.KindProvider:
		return command.Errorf(noSuchEntity, "OpenIDConnect Provider not found for arn %s", name)
	}
	return command.Errorf(noSuchEntity, "The %s with name %s cannot be found.", kind, name)
}

// taken tells whether a name is in use: names of IAM differ by more than case.
func taken[T any](rows iter.Seq[*T], nameOf func(*T) string, name, except string) bool {
	for r := range rows {
		if n := nameOf(r); n != except && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// owner is who holds policies or has tags: a copy of its row, with what can be changed of it in one form.
type owner struct {
	attached *[]string
	inline   *[]state.InlinePolicy
	boundary *string
	tags     *map[string]string
	put      func()
}

// owner finds who a name names. The root user holds nothing.
func (a *apply) owner(account string, kind command.IdentityKind, name string) (*owner, *command.Error) {
	switch kind {
	case command.KindUser:
		if u, ok := state.Users.Get(a.View, account, state.UserKey(account, name)); ok && !u.Root {
			row := *u
			row.Attached = u.AttachedTo()
			row.Admin = false // from here on it is an attachment like any other
			return &owner{&row.Attached, &row.Inline, &row.Boundary, &row.Tags, func() { state.Users.Put(a.Txn, &row) }}, nil
		}
	case command.KindGroup:
		if g, ok := state.IAMGroups.Get(a.View, account, state.IAMGroupKey(account, name)); ok {
			row := *g
			return &owner{&row.Attached, &row.Inline, nil, nil, func() { state.IAMGroups.Put(a.Txn, &row) }}, nil
		}
	case command.KindRole:
		if r, ok := state.Roles.Get(a.View, account, state.RoleKey(account, name)); ok {
			row := *r
			return &owner{&row.Attached, &row.Inline, &row.Boundary, &row.Tags, func() { state.Roles.Put(a.Txn, &row) }}, nil
		}
	case command.KindPolicy:
		if p, ok := state.ManagedPolicies.Get(a.View, account, name); ok {
			row := *p
			return &owner{nil, nil, nil, &row.Tags, func() { state.ManagedPolicies.Put(a.Txn, &row) }}, nil
		}
	case command.KindProfile:
		if p, ok := state.InstanceProfiles.Get(a.View, account, state.InstanceProfileKey(account, name)); ok {
			row := *p
			return &owner{nil, nil, nil, &row.Tags, func() { state.InstanceProfiles.Put(a.Txn, &row) }}, nil
		}
	case command.KindProvider:
		if p, ok := state.OIDCProviders.Get(a.View, account, name); ok {
			row := *p
			return &owner{nil, nil, nil, &row.Tags, func() { state.OIDCProviders.Put(a.Txn, &row) }}, nil
		}
	}
	return nil, notFound(kind, name)
}

// added is a sorted set of names with one more.
func added(set []string, name string) []string {
	at, found := slices.BinarySearch(set, name)
	if found {
		return set
	}
	return slices.Insert(slices.Clone(set), at, name)
}

// removed is a sorted set of names without one.
func removed(set []string, name string) []string {
	at, found := slices.BinarySearch(set, name)
	if !found {
		return set
	}
	out := slices.Delete(slices.Clone(set), at, at+1)
	if len(out) == 0 {
		return nil
	}
	return out
}

func (a *apply) tagIdentity(c command.TagIdentity) (any, *command.Error) {
	o, refusal := a.owner(c.AccountID, c.Kind, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	if o.tags == nil {
		return nil, command.Errorf("InvalidInput", "A %s has no tags.", c.Kind)
	}
	tags := maps.Clone(*o.tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, c.Set)
	for _, key := range c.Remove {
		delete(tags, key)
	}
	if len(tags) > maxTags {
		return nil, command.Errorf(limitExceeded, "The number of tags has reached the maximum limit of %d.", maxTags)
	}
	if len(tags) == 0 {
		tags = nil
	}
	*o.tags = tags
	o.put()
	return nil, nil
}
