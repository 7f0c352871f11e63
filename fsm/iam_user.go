// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// user finds an IAM user; the root user is none.
func (a *apply) user(account, name string) (*state.User, *command.Error) {
	u, ok := state.Users.Get(a.View, account, state.UserKey(account, name))
	if !ok || u.Root {
		return nil, notFound(command.KindUser, name)
	}
	return u, nil
}

func (a *apply) userNameTaken(account, name, except string) *command.Error {
	if taken(state.Users.Of(a.View, account), func(u *state.User) string { return u.Name }, name, except) {
		return command.Errorf(entityExists, "User with name %s already exists.", name)
	}
	return nil
}

func (a *apply) createUser(c command.CreateUser) (any, *command.Error) {
	u := c.User
	if _, ok := state.Accounts.Get(a.View, u.AccountID, u.AccountID); !ok {
		return nil, command.Errorf(noSuchEntity, "The account %s cannot be found.", u.AccountID)
	}
	if refusal := a.userNameTaken(u.AccountID, u.Name, ""); refusal != nil {
		return nil, refusal
	}
	if refusal := a.attachable(u.AccountID, append(slices.Clone(u.Attached), u.Boundary)...); refusal != nil {
		return nil, refusal
	}
	u.Root, u.Admin, u.Groups, u.Created = false, false, nil, a.now
	u.Attached = slices.Compact(slices.Sorted(slices.Values(u.Attached)))
	if len(u.Attached) == 0 {
		u.Attached = nil
	}
	if len(u.Tags) > maxTags {
		return nil, command.Errorf(limitExceeded, "The number of tags has reached the maximum limit of %d.", maxTags)
	}
	state.Users.Put(a.Txn, &u)
	return nil, nil
}

func (a *apply) updateUser(c command.UpdateUser) (any, *command.Error) {
	old, refusal := a.user(c.AccountID, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	u := *old
	if c.NewPath != nil {
		u.Path = *c.NewPath
	}
	if c.NewName != nil && *c.NewName != u.Name {
		if refusal := a.userNameTaken(c.AccountID, *c.NewName, u.Name); refusal != nil {
			return nil, refusal
		}
		u.Name = *c.NewName
		a.moveUser(old, u.Name)
	}
	state.Users.Put(a.Txn, &u)
	return nil, nil
}

// moveUser takes what hangs on a user's name to a new one. It collects first and writes second.
func (a *apply) moveUser(old *state.User, name string) {
	for _, k := range slices.Collect(state.AccessKeys.List(a.View, state.ByOwner, state.UserKey(old.AccountID, old.Name))) {
		key := *k
		key.UserName = name
		state.AccessKeys.Put(a.Txn, &key)
	}
	if p, ok := state.LoginProfiles.Get(a.View, old.AccountID, state.UserKey(old.AccountID, old.Name)); ok {
		profile := *p
		profile.UserName = name
		state.LoginProfiles.Delete(a.Txn, state.UserKey(old.AccountID, old.Name))
		state.LoginProfiles.Put(a.Txn, &profile)
	}
	state.Users.Delete(a.Txn, state.UserKey(old.AccountID, old.Name))
}

func (a *apply) deleteUser(c command.DeleteUser) (any, *command.Error) {
	u, refusal := a.user(c.AccountID, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	key := state.UserKey(u.AccountID, u.Name)
	_, keys := state.AccessKeys.First(a.View, state.ByOwner, key)
	_, login := state.LoginProfiles.Get(a.View, u.AccountID, key)
	for _, rest := range []struct {
		is   bool
		what string
	}{
		{keys, "delete access keys"}, {login, "delete login profile"}, {len(u.AttachedTo()) > 0, "detach all policies"},
		{len(u.Inline) > 0, "delete policies"}, {len(u.Groups) > 0, "remove users from group"},
	} {
		if rest.is {
			return nil, command.Errorf(deleteConflict, "Cannot delete entity, must %s first.", rest.what)
		}
	}
	state.Users.Delete(a.Txn, key)
	return nil, nil
}

// group finds a group.
func (a *apply) group(account, name string) (*state.IAMGroup, *command.Error) {
	g, ok := state.IAMGroups.Get(a.View, account, state.IAMGroupKey(account, name))
	if !ok {
		return nil, notFound(command.KindGroup, name)
	}
	return g, nil
}

func (a *apply) groupNameTaken(account, name, except string) *command.Error {
	if taken(state.IAMGroups.Of(a.View, account), func(g *state.IAMGroup) string { return g.Name }, name, except) {
		return command.Errorf(entityExists, "Group with name %s already exists.", name)
	}
	return nil
}

func (a *apply) createGroup(c command.CreateGroup) (any, *command.Error) {
	g := c.Group
	if refusal := a.groupNameTaken(g.AccountID, g.Name, ""); refusal != nil {
		return nil, refusal
	}
	g.Attached, g.Inline, g.Created = nil, nil, a.now
	state.IAMGroups.Put(a.Txn, &g)
	return nil, nil
}

// members are the users in a group.
func (a *apply) members(account, group string) []*state.User {
	var out []*state.User
	for u := range state.Users.Of(a.View, account) {
		if _, in := slices.BinarySearch(u.Groups, group); in {
			out = append(out, u)
		}
	}
	return out
}

func (a *apply) updateGroup(c command.UpdateGroup) (any, *command.Error) {
	old, refusal := a.group(c.AccountID, c.Name)
	if refusal != nil {
		return nil, refusal
	}
	g := *old
	if c.NewPath != nil {
		g.Path = *c.NewPath
	}
	if c.NewName != nil && *c.NewName != g.Name {
		if refusal := a.groupNameTaken(c.AccountID, *c.NewName, g.Name); refusal != nil {
			return nil, refusal
		}
		for _, m := range a.members(c.AccountID, g.Name) {
			u := *m
			u.Groups = added(removed(u.Groups, g.Name), *c.NewName)
			state.Users.Put(a.Txn, &u)
		}
		g.Name = *c.NewName
		state.IAMGroups.Delete(a.Txn, state.IAMGroupKey(old.AccountID, old.Name))
	}
	state.IAMGroups.Put(a.Txn, &g)
	return nil, nil
}

func (a *apply) deleteGroup(c command.DeleteGroup) (any, *command.Error) {
	g, refusal := a.group(c.AccountID, c.Name)
	switch {
	case refusal != nil:
		return nil, refusal
	case len(a.members(c.AccountID, c.Name)) > 0:
		return nil, command.Errorf(deleteConflict, "Cannot delete entity, must remove users from group first.")
	case len(g.Attached) > 0:
		return nil, command.Errorf(deleteConflict, "Cannot delete entity, must detach all policies first.")
	case len(g.Inline) > 0:
		return nil, command.Errorf(deleteConflict, "Cannot delete entity, must delete policies first.")
	}
	state.IAMGroups.Delete(a.Txn, state.IAMGroupKey(c.AccountID, c.Name))
	return nil, nil
}

func (a *apply) changeMembership(c command.ChangeMembership) (any, *command.Error) {
	if _, refusal := a.group(c.AccountID, c.Group); refusal != nil {
		return nil, refusal
	}
	old, refusal := a.user(c.AccountID, c.User)
	if refusal != nil {
		return nil, refusal
	}
	u := *old
	_, in := slices.BinarySearch(u.Groups, c.Group)
	switch {
	case c.Leave && !in:
		return nil, notFound(command.KindUser, c.User)
	case c.Leave:
		u.Groups = removed(u.Groups, c.Group)
	case !in && len(u.Groups) >= maxGroupsPerUser:
		return nil, command.Errorf(limitExceeded, "Cannot exceed quota for GroupsPerUser: %d", maxGroupsPerUser)
	default:
		u.Groups = added(u.Groups, c.Group)
	}
	state.Users.Put(a.Txn, &u)
	return nil, nil
}
