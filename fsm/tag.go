// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"
	"strings"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// taggable is a kind of resource that can be tagged: how its ids begin, its type name, its error code, and a look-up.
type taggable struct {
	prefix, kind, code string
	exists             func(v *state.View, account, id string) bool
}

func has[T any](t *state.Table[T]) func(*state.View, string, string) bool {
	return func(v *state.View, account, id string) bool {
		_, ok := t.Get(v, account, id)
		return ok
	}
}

var taggables = []taggable{
	{"i-", "instance", "InvalidInstanceID.NotFound", has(state.Instances)},
	{"vol-", "volume", "InvalidVolume.NotFound", has(state.Volumes)},
	{"snap-", "snapshot", "InvalidSnapshot.NotFound", has(state.Snapshots)},
	{"ami-", "image", "InvalidAMIID.NotFound", func(v *state.View, account, id string) bool {
		i, ok := state.Images.Get(v, state.AnyAccount, id)
		return ok && i.MayLaunch(account)
	}},
	{"key-", "key-pair", "InvalidKeyPair.NotFound", has(state.KeyPairs)},
	{"vpc-", "vpc", "InvalidVpcID.NotFound", has(state.VPCs)},
	{"subnet-", "subnet", "InvalidSubnetID.NotFound", has(state.Subnets)},
	{"sg-", "security-group", "InvalidGroup.NotFound", has(state.SecurityGroups)},
	{"pg-", "placement-group", "InvalidPlacementGroup.Unknown", has(state.PlacementGroups)},
	{"eni-", "network-interface", "InvalidNetworkInterfaceID.NotFound", has(state.NetworkInterfaces)},
}

// resourceType finds the type of an existing resource of the account.
func (a *apply) resourceType(account, id string) (string, *command.Error) {
	for _, t := range taggables {
		if strings.HasPrefix(id, t.prefix) {
			if !t.exists(a.View, account, id) {
				return "", command.Errorf(t.code, "The %s ID '%s' does not exist", strings.ReplaceAll(t.kind, "-", " "), id)
			}
			return t.kind, nil
		}
	}
	return "", command.Errorf("InvalidID", "The ID '%s' is not valid", id)
}

func (a *apply) createTags(c command.CreateTags) (any, *command.Error) {
	for _, id := range c.Resources {
		kind, refusal := a.resourceType(c.AccountID, id)
		if refusal != nil {
			return nil, refusal
		}
		if refusal := a.tag(c.AccountID, id, kind, c.Tags); refusal != nil {
			return nil, refusal
		}
	}
	return nil, nil
}

// tag merges tags into a resource's set.
func (a *apply) tag(account, id, kind string, tags []state.Tag) *command.Error {
	if len(tags) == 0 {
		return nil
	}
	merged := state.MergeTags(a.TagsOf(account, id), tags)
	if len(merged) > state.MaxTags {
		return command.Errorf("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	state.TagSets.Put(a.Txn, &state.TagSet{ResourceID: id, AccountID: account, ResourceType: kind, Tags: merged})
	return nil
}

func (a *apply) deleteTags(c command.DeleteTags) (any, *command.Error) {
	for _, id := range c.Resources {
		if _, refusal := a.resourceType(c.AccountID, id); refusal != nil {
			return nil, refusal
		}
		old, ok := state.TagSets.Get(a.View, c.AccountID, state.TagKey(c.AccountID, id))
		if !ok {
			continue
		}
		set := *old
		set.Tags = slices.DeleteFunc(slices.Clone(old.Tags), func(t state.Tag) bool { return matches(c.Tags, t) })
		if len(set.Tags) == 0 {
			a.dropTags(c.AccountID, id)
			continue
		}
		state.TagSets.Put(a.Txn, &set)
	}
	return nil, nil
}

func matches(wanted []command.TagMatch, t state.Tag) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w command.TagMatch) bool {
		return w.Key == t.Key && (w.AnyValue || w.Value == t.Value)
	})
}

func (a *apply) dropTags(account, id string) { state.TagSets.Delete(a.Txn, state.TagKey(account, id)) }

// dropAllTags removes the tags that any account put on a shared resource.
func (a *apply) dropAllTags(id string) {
	for _, set := range slices.Collect(state.TagSets.All(a.View)) {
		if set.ResourceID == id {
			a.dropTags(set.AccountID, id)
		}
	}
}

func (a *apply) createKeyPair(c command.CreateKeyPair) (any, *command.Error) {
	p := c.Pair
	if _, ok := state.KeyPairs.First(a.View, state.ByName, state.KeyPairName(p.AccountID, p.Name)); ok {
		return nil, command.Errorf("InvalidKeyPair.Duplicate", "The keypair already exists")
	}
	quota := a.SettingInt(state.SettingKeyPairs)
	if a.region.FormatLevel >= 2 {
		quota = int(a.Quota(p.AccountID, state.QuotaKeyPairs))
	}
	if quota > 0 || a.region.FormatLevel >= 2 {
		owned := 0
		for range state.KeyPairs.Of(a.View, p.AccountID) {
			owned++
		}
		if owned >= quota {
			return nil, command.Errorf("KeyPairLimitExceeded", "You have reached the limit of %d key pairs.", quota)
		}
	}
	p.Created = a.now
	state.KeyPairs.Put(a.Txn, &p)
	return nil, a.tag(p.AccountID, p.ID, "key-pair", c.Tags)
}

func (a *apply) deleteKeyPair(c command.DeleteKeyPair) (any, *command.Error) {
	var p *state.KeyPair
	if c.ID != "" {
		p, _ = state.KeyPairs.Get(a.View, c.AccountID, c.ID)
	} else {
		p, _ = state.KeyPairs.First(a.View, state.ByName, state.KeyPairName(c.AccountID, c.Name))
	}
	if p == nil {
		return command.DeletedKeyPair{}, nil
	}
	a.dropTags(c.AccountID, p.ID)
	state.KeyPairs.Delete(a.Txn, p.ID)
	return command.DeletedKeyPair{ID: p.ID}, nil
}
