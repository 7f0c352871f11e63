// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// CreateKeyPair adds a key pair, created or imported. A name in use is InvalidKeyPair.Duplicate.
type CreateKeyPair struct {
	Pair state.KeyPair
	Tags []state.Tag
}

// Type is the command's number.
func (CreateKeyPair) Type() Type { return 20 }

// DeleteKeyPair removes a key pair by name or id; one that does not exist is no error, as in EC2.
type DeleteKeyPair struct{ AccountID, Name, ID string }

// Type is the command's number.
func (DeleteKeyPair) Type() Type { return 21 }

// DeletedKeyPair is DeleteKeyPair's value: the id of what was deleted, or "".
type DeletedKeyPair struct{ ID string }

// CreateTags sets tags on resources of an account, all or none.
type CreateTags struct {
	AccountID string
	Resources []string
	Tags      []state.Tag
}

// Type is the command's number.
func (CreateTags) Type() Type { return 22 }

// TagMatch is a tag to delete: any value, or only the given one.
type TagMatch struct {
	Key      string
	AnyValue bool
	Value    string
}

// DeleteTags removes tags from resources. No tags given means all user tags.
type DeleteTags struct {
	AccountID string
	Resources []string
	Tags      []TagMatch
}

// Type is the command's number.
func (DeleteTags) Type() Type { return 23 }
