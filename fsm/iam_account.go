// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// settings is a copy of what an account sets.
func (a *apply) settings(account string) state.AccountSettings {
	if s, ok := state.AccountSettingsOf.Get(a.View, account, account); ok {
		return *s
	}
	return state.AccountSettings{AccountID: account}
}

func (a *apply) setAccountAlias(c command.SetAccountAlias) (any, *command.Error) {
	s := a.settings(c.AccountID)
	if c.Remove {
		if s.Alias != c.Alias || c.Alias == "" {
			return nil, command.Errorf(noSuchEntity, "The account alias %s cannot be found.", c.Alias)
		}
		s.Alias = ""
		state.AccountSettingsOf.Put(a.Txn, &s)
		return nil, nil
	}
	if other, ok := state.AccountSettingsOf.First(a.View, state.ByName, c.Alias); ok && other.AccountID != c.AccountID {
		return nil, command.Errorf(entityExists, "The account alias %s already exists.", c.Alias)
	}
	s.Alias = c.Alias
	state.AccountSettingsOf.Put(a.Txn, &s)
	return nil, nil
}

func (a *apply) setPasswordPolicy(c command.SetPasswordPolicy) (any, *command.Error) {
	s := a.settings(c.AccountID)
	if c.Policy == nil && s.Passwords == nil {
		return nil, command.Errorf(noSuchEntity, "The account policy with name PasswordPolicy cannot be found.")
	}
	s.Passwords = c.Policy
	state.AccountSettingsOf.Put(a.Txn, &s)
	return nil, nil
}

func (a *apply) setLoginProfile(c command.SetLoginProfile) (any, *command.Error) {
	if _, refusal := a.user(c.AccountID, c.User); refusal != nil {
		return nil, refusal
	}
	key := state.UserKey(c.AccountID, c.User)
	old, ok := state.LoginProfiles.Get(a.View, c.AccountID, key)
	switch {
	case c.Create && ok:
		return nil, command.Errorf(entityExists, "Login Profile for user %s already exists.", c.User)
	case c.Create:
		old = &state.LoginProfile{AccountID: c.AccountID, UserName: c.User, Created: a.now}
	case !ok:
		return nil, command.Errorf(noSuchEntity, "Login Profile for User %s cannot be found.", c.User)
	case c.Remove:
		state.LoginProfiles.Delete(a.Txn, key)
		return nil, nil
	}
	p := *old
	if c.Hash != nil {
		p.Hash, p.Changed = *c.Hash, a.now
	}
	if c.ResetRequired != nil {
		p.ResetRequired = *c.ResetRequired
	}
	state.LoginProfiles.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) createOIDCProvider(c command.CreateOIDCProvider) (any, *command.Error) {
	p := c.Provider
	if _, ok := state.OIDCProviders.Get(a.View, state.AnyAccount, p.ARN); ok {
		return nil, command.Errorf(entityExists, "Provider with url %s already exists.", "https://"+p.URL)
	}
	p.Created = a.now
	state.OIDCProviders.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) updateOIDCProvider(c command.UpdateOIDCProvider) (any, *command.Error) {
	old, ok := state.OIDCProviders.Get(a.View, c.AccountID, c.ARN)
	if !ok {
		return nil, notFound(command.KindProvider, c.ARN)
	}
	p := *old
	if c.Thumbprints != nil {
		p.Thumbprints = c.Thumbprints
	}
	if c.AddClient != "" && !slices.Contains(p.ClientIDs, c.AddClient) {
		if len(p.ClientIDs) >= maxClients {
			return nil, command.Errorf(limitExceeded, "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClients)
		}
		p.ClientIDs = append(slices.Clone(p.ClientIDs), c.AddClient)
	}
	if c.RemoveClient != "" {
		p.ClientIDs = slices.DeleteFunc(slices.Clone(p.ClientIDs), func(id string) bool { return id == c.RemoveClient })
	}
	state.OIDCProviders.Put(a.Txn, &p)
	return nil, nil
}

func (a *apply) deleteOIDCProvider(c command.DeleteOIDCProvider) (any, *command.Error) {
	if _, ok := state.OIDCProviders.Get(a.View, c.AccountID, c.ARN); !ok {
		return nil, notFound(command.KindProvider, c.ARN)
	}
	state.OIDCProviders.Delete(a.Txn, c.ARN)
	return nil, nil
}

// reportKeyUses keeps the newest use of each key. Keys that are gone meanwhile are left out.
func (a *apply) reportKeyUses(c command.ReportKeyUses) (any, *command.Error) {
	for _, u := range c.Uses {
		k, ok := state.AccessKeys.Get(a.View, state.AnyAccount, u.KeyID)
		old, known := state.KeyUses.Get(a.View, state.AnyAccount, u.KeyID)
		if !ok || known && old.At >= u.At {
			continue
		}
		u.AccountID = k.AccountID
		state.KeyUses.Put(a.Txn, &u)
	}
	return nil, nil
}
