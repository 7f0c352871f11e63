// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

func (a *apply) createAccount(c command.CreateAccount) (any, *command.Error) {
	if _, ok := state.Accounts.Get(a.View, state.AnyAccount, c.Account.ID); ok {
		return nil, command.Errorf("EntityAlreadyExists", "An account with the id %s already exists.", c.Account.ID)
	}
	if _, ok := state.Accounts.First(a.View, state.ByName, c.Account.Name); ok {
		return nil, command.Errorf("EntityAlreadyExists", "An account with the name %s already exists.", c.Account.Name)
	}
	account := c.Account
	account.Created, account.Status, account.DefaultVPC = a.now, state.AccountActive, c.VPC.ID
	state.Accounts.Put(a.Txn, &account)
	for _, u := range c.Users {
		u.AccountID, u.Created = account.ID, a.now
		state.Users.Put(a.Txn, &u)
	}
	if refusal := a.createDefaultNetwork(account.ID, c); refusal != nil {
		return nil, refusal
	}
	for _, k := range c.Keys {
		k.AccountID = account.ID
		if _, refusal := a.createAccessKey(command.CreateAccessKey{Key: k}); refusal != nil {
			return nil, refusal
		}
	}
	return nil, nil
}

// createDefaultNetwork makes the account's default VPC, its subnets and its default security group.
func (a *apply) createDefaultNetwork(account string, c command.CreateAccount) *command.Error {
	vpc, group := c.VPC, c.Group
	if _, ok := state.VPCs.Get(a.View, state.AnyAccount, vpc.ID); ok {
		return command.Errorf("EntityAlreadyExists", "A VPC with the id %s already exists.", vpc.ID)
	}
	vpc.AccountID, vpc.Default, vpc.Created = account, true, a.now
	state.VPCs.Put(a.Txn, &vpc)
	for _, s := range c.Subnets {
		if !a.region.HasZone(s.Zone) {
			return command.Errorf("InvalidZone", "The subnet %s names the zone %q, which the region does not list.", s.ID, s.Zone)
		}
		s.AccountID, s.VPCID, s.Created = account, vpc.ID, a.now
		state.Subnets.Put(a.Txn, &s)
	}
	group.AccountID, group.VPCID, group.Created = account, vpc.ID, a.now
	state.SecurityGroups.Put(a.Txn, &group)
	return nil
}

func (a *apply) createAccessKey(c command.CreateAccessKey) (any, *command.Error) {
	k := c.Key
	if refusal := a.sealable(k.KeyVersion, k.Secret); refusal != nil {
		return nil, refusal
	}
	if _, ok := state.Users.Get(a.View, k.AccountID, state.UserKey(k.AccountID, k.UserName)); !ok {
		return nil, command.Errorf("NoSuchEntity", "The user with name %s cannot be found.", k.UserName)
	}
	if _, ok := state.AccessKeys.Get(a.View, state.AnyAccount, k.ID); ok {
		return nil, command.Errorf("EntityAlreadyExists", "The access key %s already exists.", k.ID)
	}
	owned := slices.Collect(state.AccessKeys.List(a.View, state.ByOwner, state.UserKey(k.AccountID, k.UserName)))
	if quota := a.SettingInt(state.SettingAccessKeys); len(owned) >= quota {
		return nil, command.Errorf("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: %d", quota)
	}
	k.Created, k.Status = a.now, state.KeyActive
	state.AccessKeys.Put(a.Txn, &k)
	return nil, nil
}

// accessKey finds a key of a user.
func (a *apply) accessKey(account, user, id string) (*state.AccessKey, *command.Error) {
	k, ok := state.AccessKeys.Get(a.View, account, id)
	if !ok || k.UserName != user {
		return nil, command.Errorf("NoSuchEntity", "The Access Key with id %s cannot be found.", id)
	}
	return k, nil
}

func (a *apply) updateAccessKey(c command.UpdateAccessKey) (any, *command.Error) {
	old, refusal := a.accessKey(c.AccountID, c.UserName, c.KeyID)
	if refusal != nil {
		return nil, refusal
	}
	k := *old
	k.Status = c.Status
	state.AccessKeys.Put(a.Txn, &k)
	return nil, nil
}

func (a *apply) deleteAccessKey(c command.DeleteAccessKey) (any, *command.Error) {
	if _, refusal := a.accessKey(c.AccountID, c.UserName, c.KeyID); refusal != nil {
		return nil, refusal
	}
	state.AccessKeys.Delete(a.Txn, c.KeyID)
	state.KeyUses.Delete(a.Txn, c.KeyID)
	return nil, nil
}
