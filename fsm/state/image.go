// SPDX-License-Identifier: Apache-2.0

package state

import "slices"

// Image states.
const (
	ImageAvailable = "available"
	ImageDisabled  = "disabled"
)

// ImageDevice is an entry of an image's block device mapping.
type ImageDevice struct {
	Name                string
	SnapshotID          string // "" for an empty volume
	SizeGiB             int64
	Type                string
	IOPS                int64
	Throughput          int64
	DeleteOnTermination bool
	NoDevice            bool
	VirtualName         string
}

// Image is an AMI: a record over snapshots.
type Image struct {
	ID              string
	AccountID       string
	Name            string // unique among the account's images
	Description     string
	Location        string // ImageLocation
	Arch            string
	RootDevice      string
	Devices         []ImageDevice
	BootMode        string // "", legacy-bios, uefi, uefi-preferred
	TPM             string // "" or v2.0
	IMDS            string // "" or v2.0
	SriovNetSupport string // "" or simple
	ENASupport      bool
	Platform        string // "" or windows
	State           string
	Created         Time
	Deprecation     Time
	Public          bool     // launch permission group "all"
	LaunchAccounts  []string // launch permission by account, sorted
	SourceImageID   string
	LastLaunched    Time
}

// MayLaunch tells whether an account sees the image and may launch it.
func (i *Image) MayLaunch(account string) bool {
	return account == AnyAccount || i.AccountID == account || i.Public || slices.Contains(i.LaunchAccounts, account)
}

// ImageKeyName is the value under which an image's name is indexed: names are unique within an account.
func ImageKeyName(account, name string) string { return account + "/" + name }

// Images by id, account and name. Images are shared across accounts: look them up with AnyAccount and ask MayLaunch.
var Images = &Table[Image]{name: "images", id: 9, key: func(i *Image) string { return i.ID },
	account: func(i *Image) string { return i.AccountID },
	indexes: map[Index]func(*Image) []string{
		ByAccount: func(i *Image) []string { return one(i.AccountID) },
		ByName:    func(i *Image) []string { return one(ImageKeyName(i.AccountID, i.Name)) },
	}}

// KeyPair is an SSH key pair's public half.
type KeyPair struct {
	ID          string // key-...
	AccountID   string
	Name        string // unique in the account
	Type        string // rsa | ed25519
	Fingerprint string // as AWS computes it for created and for imported keys
	PublicKey   string // one OpenSSH line
	Created     Time
}

// KeyPairName is the value under which a key pair's name is indexed.
func KeyPairName(account, name string) string { return account + "/" + name }

// KeyPairs by id, account and name.
var KeyPairs = &Table[KeyPair]{name: "key_pairs", id: 10, key: func(k *KeyPair) string { return k.ID },
	account: func(k *KeyPair) string { return k.AccountID },
	indexes: map[Index]func(*KeyPair) []string{
		ByAccount: func(k *KeyPair) []string { return one(k.AccountID) },
		ByName:    func(k *KeyPair) []string { return one(KeyPairName(k.AccountID, k.Name)) },
	}}
