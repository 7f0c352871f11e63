// SPDX-License-Identifier: Apache-2.0

package state

// States of KMS keys, as KMS names them.
const (
	KMSEnabled         = "Enabled"
	KMSDisabled        = "Disabled"
	KMSPendingDeletion = "PendingDeletion"
)

// KMSMaterial is one version of a key's material. Box is 32 bytes sealed under the cluster key for the account and the
// material's name (KMSMaterialName); KeyVersion is the version of the cluster key.
type KMSMaterial struct {
	Version    int // from 1
	Box        []byte
	KeyVersion int
	Created    Time
	OnDemand   bool // made by RotateKeyOnDemand, not by the yearly rotation
}

// KMSKey is a symmetric key of an account. The newest material encrypts, every one decrypts.
type KMSKey struct {
	ID           string // a UUID
	AccountID    string
	Description  string
	Manager      string // "CUSTOMER", or "AWS" for alias/aws/... keys
	State        string
	Policy       string // the key policy's text
	Rotation     bool   // the yearly rotation is on
	RotationDays int    // its period
	NextRotation Time
	DeleteAt     Time // while pending deletion
	Created      Time
	Materials    []KMSMaterial // oldest first
	Tags         []Tag         // sorted by key
}

// KMSMaterialName is what a key's material is sealed for.
func KMSMaterialName(key string, version int) string { return "kms/" + key + "/" + itoa(version) }

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Newest is the material that encrypts.
func (k *KMSKey) Newest() KMSMaterial { return k.Materials[len(k.Materials)-1] }

// Material is a version of the key's material.
func (k *KMSKey) Material(version int) (KMSMaterial, bool) {
	if version < 1 || version > len(k.Materials) {
		return KMSMaterial{}, false
	}
	return k.Materials[version-1], true
}

// KMSKeys by id and account.
var KMSKeys = &Table[KMSKey]{name: "kms_keys", id: 65, since: 2, key: func(k *KMSKey) string { return k.ID },
	account: func(k *KMSKey) string { return k.AccountID },
	indexes: map[Index]func(*KMSKey) []string{ByAccount: func(k *KMSKey) []string { return one(k.AccountID) }}}

// KMSAlias is another name of a key.
type KMSAlias struct {
	AccountID string
	Name      string // "alias/..."
	KeyID     string
	Created   Time
	Updated   Time
}

// KMSAliasKey is the key of an alias's row.
func KMSAliasKey(account, name string) string { return account + "/" + name }

// KMSAliases by account and name, and by the key they name.
var KMSAliases = &Table[KMSAlias]{name: "kms_aliases", id: 66, since: 2, key: func(a *KMSAlias) string { return KMSAliasKey(a.AccountID, a.Name) },
	account: func(a *KMSAlias) string { return a.AccountID },
	indexes: map[Index]func(*KMSAlias) []string{
		ByAccount: func(a *KMSAlias) []string { return one(a.AccountID) },
		ByOwner:   func(a *KMSAlias) []string { return one(a.KeyID) },
	}}
