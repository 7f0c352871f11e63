// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// day is a day of the region's time.
const day = state.Time(24 * 3600 * 1e9)

// runKMS is a part of run: keys and aliases.
func (a *apply) runKMS(c command.Command) (any, *command.Error) {
	switch c := c.(type) {
	case command.CreateKMSKey:
		return a.createKMSKey(c)
	case command.ModifyKMSKey:
		return a.modifyKMSKey(c)
	case command.ScheduleKMSDeletion:
		return a.scheduleKMSDeletion(c)
	case command.RotateKMSKey:
		return a.rotateKMSKey(c)
	case command.SetKMSAlias:
		return a.setKMSAlias(c)
	case command.DeleteKMSAlias:
		return a.deleteKMSAlias(c)
	}
	return a.runGovernance(c)
}

// kmsKey finds a key of an account.
func (a *apply) kmsKey(account, id string) (*state.KMSKey, *command.Error) {
	k, ok := state.KMSKeys.Get(a.View, account, id)
	if !ok {
		return nil, command.Errorf("NotFoundException", "Key '%s' does not exist", a.keyARN(account, id))
	}
	return k, nil
}

func (a *apply) keyARN(account, id string) string {
	return "arn:aws:kms:" + a.region.Name + ":" + account + ":key/" + id
}

// pendingDeletion refuses a key that is on its way out.
func (a *apply) pendingDeletion(k *state.KMSKey) *command.Error {
	if k.State != state.KMSPendingDeletion {
		return nil
	}
	return command.Errorf("KMSInvalidStateException", "%s is pending deletion.", a.keyARN(k.AccountID, k.ID))
}

func (a *apply) createKMSKey(c command.CreateKMSKey) (any, *command.Error) {
	k := c.Key
	if _, ok := state.Accounts.Get(a.View, k.AccountID, k.AccountID); !ok {
		return nil, command.Errorf("NotFoundException", "The account %s does not exist", k.AccountID)
	}
	if have, ok := state.KMSAliases.Get(a.View, k.AccountID, state.KMSAliasKey(k.AccountID, c.Alias)); ok && c.Alias != "" {
		return command.KMSKeyMade{KeyID: have.KeyID}, nil
	}
	if _, ok := state.KMSKeys.Get(a.View, state.AnyAccount, k.ID); ok || k.ID == "" || len(k.Materials) != 1 {
		return nil, command.Errorf("AlreadyExistsException", "The key %s exists, or has no material.", k.ID)
	}
	if refusal := a.sealable(k.Materials[0].KeyVersion, k.Materials[0].Box); refusal != nil {
		return nil, refusal
	}
	owned := int64(0)
	for have := range state.KMSKeys.Of(a.View, k.AccountID) {
		if have.Manager == k.Manager {
			owned++
		}
	}
	if k.Manager != "AWS" && owned >= a.Quota(k.AccountID, state.QuotaKMSKeys) {
		return nil, command.Errorf("LimitExceededException", "You have reached the maximum number of customer master keys.")
	}
	k.Created, k.State, k.DeleteAt = a.now, state.KMSEnabled, 0
	k.Materials = slices.Clone(k.Materials)
	k.Materials[0].Version, k.Materials[0].Created = 1, a.now
	k.Tags = state.MergeTags(nil, k.Tags)
	k.NextRotation = 0
	if k.Rotation {
		k.NextRotation = a.now + state.Time(k.RotationDays)*day
	}
	state.KMSKeys.Put(a.Txn, &k)
	if c.Alias != "" {
		state.KMSAliases.Put(a.Txn, &state.KMSAlias{AccountID: k.AccountID, Name: c.Alias, KeyID: k.ID, Created: a.now, Updated: a.now})
	}
	return command.KMSKeyMade{KeyID: k.ID}, nil
}

func (a *apply) modifyKMSKey(c command.ModifyKMSKey) (any, *command.Error) {
	old, refusal := a.kmsKey(c.AccountID, c.KeyID)
	if refusal != nil {
		return nil, refusal
	}
	k := *old
	onlyPolicy := c.Description == nil && c.Enabled == nil && c.Rotation == nil && len(c.Tags)+len(c.Untag) == 0
	if refusal := a.pendingDeletion(old); refusal != nil && !onlyPolicy {
		return nil, refusal
	}
	if c.Description != nil {
		k.Description = *c.Description
	}
	if c.Policy != nil {
		k.Policy = *c.Policy
	}
	if c.Enabled != nil {
		k.State = state.KMSDisabled
		if *c.Enabled {
			k.State = state.KMSEnabled
		}
	}
	if c.Rotation != nil {
		if old.State == state.KMSDisabled {
			return nil, command.Errorf("DisabledException", "%s is disabled.", a.keyARN(k.AccountID, k.ID))
		}
		k.Rotation, k.RotationDays, k.NextRotation = *c.Rotation, 0, 0
		if *c.Rotation {
			k.RotationDays = c.RotationDays
			k.NextRotation = k.Newest().Created + state.Time(c.RotationDays)*day
			if k.NextRotation < a.now {
				k.NextRotation = a.now
			}
		}
	}
	k.Tags = state.MergeTags(k.Tags, c.Tags)
	k.Tags = slices.DeleteFunc(k.Tags, func(t state.Tag) bool { return slices.Contains(c.Untag, t.Key) })
	if len(k.Tags) > state.MaxTags {
		return nil, command.Errorf("LimitExceededException", "The key would have more than %d tags.", state.MaxTags)
	}
	state.KMSKeys.Put(a.Txn, &k)
	return nil, nil
}

func (a *apply) scheduleKMSDeletion(c command.ScheduleKMSDeletion) (any, *command.Error) {
	old, refusal := a.kmsKey(c.AccountID, c.KeyID)
	if refusal != nil {
		return nil, refusal
	}
	k := *old
	if c.Days == 0 {
		if k.State != state.KMSPendingDeletion {
			return nil, command.Errorf("KMSInvalidStateException", "%s is not pending deletion.", a.keyARN(k.AccountID, k.ID))
		}
		k.State, k.DeleteAt = state.KMSDisabled, 0
	} else {
		if refusal := a.pendingDeletion(old); refusal != nil {
			return nil, refusal
		}
		k.State, k.DeleteAt = state.KMSPendingDeletion, a.now+state.Time(c.Days)*day
	}
	state.KMSKeys.Put(a.Txn, &k)
	return nil, nil
}

func (a *apply) rotateKMSKey(c command.RotateKMSKey) (any, *command.Error) {
	old, refusal := a.kmsKey(c.AccountID, c.KeyID)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := a.pendingDeletion(old); refusal != nil {
		return nil, refusal
	}
	if old.State == state.KMSDisabled {
		return nil, command.Errorf("DisabledException", "%s is disabled.", a.keyARN(old.AccountID, old.ID))
	}
	if refusal := a.sealable(c.Material.KeyVersion, c.Material.Box); refusal != nil {
		return nil, refusal
	}
	if c.Material.Version != len(old.Materials)+1 || len(c.Material.Box) == 0 {
		return nil, command.Errorf("ConflictException", "The key was rotated meanwhile.")
	}
	byHand := 0
	for _, m := range old.Materials {
		if m.OnDemand {
			byHand++
		}
	}
	if c.Material.OnDemand && byHand >= maxOnDemand {
		return nil, command.Errorf("LimitExceededException", "The key was rotated on demand %d times, which is the limit.", maxOnDemand)
	}
	k, m := *old, c.Material
	m.Created = a.now
	k.Materials = append(slices.Clone(k.Materials), m)
	if k.Rotation && !m.OnDemand {
		k.NextRotation = a.now + state.Time(k.RotationDays)*day
	}
	state.KMSKeys.Put(a.Txn, &k)
	return nil, nil
}

// maxOnDemand is AWS's limit of on-demand rotations of a key.
const maxOnDemand = 25

func (a *apply) setKMSAlias(c command.SetKMSAlias) (any, *command.Error) {
	k, refusal := a.kmsKey(c.AccountID, c.KeyID)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := a.pendingDeletion(k); refusal != nil {
		return nil, refusal
	}
	have, ok := state.KMSAliases.Get(a.View, c.AccountID, state.KMSAliasKey(c.AccountID, c.Name))
	arn := "arn:aws:kms:" + a.region.Name + ":" + c.AccountID + ":" + c.Name
	row := state.KMSAlias{AccountID: c.AccountID, Name: c.Name, KeyID: c.KeyID, Created: a.now, Updated: a.now}
	switch {
	case c.New && ok:
		return nil, command.Errorf("AlreadyExistsException", "An alias with the name %s already exists", arn)
	case !c.New && !ok:
		return nil, command.Errorf("NotFoundException", "Alias %s is not found.", arn)
	case ok:
		row.Created = have.Created
	}
	named := int64(0)
	for other := range state.KMSAliases.List(a.View, state.ByOwner, c.KeyID) {
		if other.Name != c.Name {
			named++
		}
	}
	if named >= a.Quota(c.AccountID, state.QuotaKMSAliases) {
		return nil, command.Errorf("LimitExceededException", "The key has %d aliases, which is the limit.", named)
	}
	state.KMSAliases.Put(a.Txn, &row)
	return nil, nil
}

func (a *apply) deleteKMSAlias(c command.DeleteKMSAlias) (any, *command.Error) {
	if !state.KMSAliases.Delete(a.Txn, state.KMSAliasKey(c.AccountID, c.Name)) {
		return nil, command.Errorf("NotFoundException", "Alias arn:aws:kms:%s:%s:%s is not found.", a.region.Name, c.AccountID, c.Name)
	}
	return nil, nil
}

// deleteKMSKeys forgets keys whose waiting time is over, with their aliases and their material.
func (a *apply) deleteKMSKeys() {
	for _, k := range slices.Collect(state.KMSKeys.All(a.View)) {
		if k.State != state.KMSPendingDeletion || k.DeleteAt > a.now {
			continue
		}
		for _, alias := range slices.Collect(state.KMSAliases.List(a.View, state.ByOwner, k.ID)) {
			state.KMSAliases.Delete(a.Txn, state.KMSAliasKey(alias.AccountID, alias.Name))
		}
		state.KMSKeys.Delete(a.Txn, k.ID)
	}
}

// targets is a list of account ids with one more or one less, sorted.
func targets(have []string, account string, without bool) []string {
	out := slices.DeleteFunc(slices.Clone(have), func(s string) bool { return s == account })
	if without {
		return out
	}
	at, _ := slices.BinarySearchFunc(out, account, strings.Compare)
	return slices.Insert(out, at, account)
}
