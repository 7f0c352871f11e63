// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"strings"
)

// MaxTags is AWS's limit of user tags on a resource.
const MaxTags = 50

// TagSet is all the tags of one resource of one account.
type TagSet struct {
	ResourceID   string
	AccountID    string
	ResourceType string // instance, volume, image, key-pair, ...
	Tags         []Tag  // sorted by key
}

// TagSets by resource and account. The key holds the account too: an account may tag a shared image for itself.
var TagSets = &Table[TagSet]{name: "tag_sets", id: 11, key: func(t *TagSet) string { return TagKey(t.AccountID, t.ResourceID) },
	account: func(t *TagSet) string { return t.AccountID },
	indexes: map[Index]func(*TagSet) []string{ByAccount: func(t *TagSet) []string { return one(t.AccountID) }}}

// TagKey is the key of a resource's tag set.
func TagKey(account, resource string) string { return account + "/" + resource }

// TagsOf are the tags that account put on a resource, sorted by key.
func (v *View) TagsOf(account, resource string) []Tag {
	set, ok := TagSets.Get(v, account, TagKey(account, resource))
	if !ok {
		return nil
	}
	return set.Tags
}

// MergeTags is the tag list after setting more; both are left as they are.
func MergeTags(have, more []Tag) []Tag {
	out := slices.Clone(have)
	for _, t := range more {
		at, found := slices.BinarySearchFunc(out, t.Key, func(x Tag, key string) int { return strings.Compare(x.Key, key) })
		if found {
			out[at].Value = t.Value
			continue
		}
		out = slices.Insert(out, at, t)
	}
	return out
}
