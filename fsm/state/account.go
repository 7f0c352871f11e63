// SPDX-License-Identifier: Apache-2.0

package state

// Account states.
const (
	AccountActive    = "ACTIVE"
	AccountSuspended = "SUSPENDED"
)

// Account is a tenant: every resource belongs to one.
type Account struct {
	ID         string // 12 digits
	Name       string // unique in the region
	Email      string
	Status     string // AccountActive or AccountSuspended
	Created    Time
	DefaultVPC string // the default VPC's id
	System     bool   // owns the images that everyone sees as "amazon"
}

// Accounts by id and by name.
var Accounts = &Table[Account]{name: "accounts", id: 2, key: func(a *Account) string { return a.ID },
	account: func(a *Account) string { return a.ID },
	indexes: map[Index]func(*Account) []string{ByName: func(a *Account) []string { return one(a.Name) }}}

// User is an IAM user, or the account's root user (Root, Name "root", no path).
type User struct {
	AccountID string
	Name      string
	ID        string // AIDA and 17 characters; the account id for root
	Path      string
	Root      bool
	Admin     bool // AdministratorAccess is attached
	Created   Time

	// Since format level 2.
	Attached []string          `codec:",omitempty"` // ARNs of managed policies, sorted
	Inline   []InlinePolicy    `codec:",omitempty"` // sorted by name
	Groups   []string          `codec:",omitempty"` // names, sorted
	Boundary string            `codec:",omitempty"` // ARN of a managed policy
	Tags     map[string]string `codec:",omitempty"`
}

// UserKey is the key of a user's row.
func UserKey(account, name string) string { return account + "/" + name }

// Users by account and name.
var Users = &Table[User]{name: "users", id: 3, key: func(u *User) string { return UserKey(u.AccountID, u.Name) },
	account: func(u *User) string { return u.AccountID },
	indexes: map[Index]func(*User) []string{ByAccount: func(u *User) []string { return one(u.AccountID) }}}

// ARN is the user's Amazon resource name.
func (u *User) ARN() string {
	if u.Root {
		return "arn:aws:iam::" + u.AccountID + ":root"
	}
	return "arn:aws:iam::" + u.AccountID + ":user" + u.Path + u.Name
}

// Access key states.
const (
	KeyActive   = "Active"
	KeyInactive = "Inactive"
)

// AccessKey is a key pair of the API. The secret is sealed under the cluster key, which never enters the log:
// Secret is AES-256-GCM ciphertext with account, key id and KeyVersion as associated data.
type AccessKey struct {
	ID         string // AKIA and 16 characters
	AccountID  string
	UserName   string // "root" for the root user
	Secret     []byte
	KeyVersion int
	Status     string
	Created    Time
}

// AccessKeys by id, account and owner.
var AccessKeys = &Table[AccessKey]{name: "access_keys", id: 4, key: func(k *AccessKey) string { return k.ID },
	account: func(k *AccessKey) string { return k.AccountID },
	indexes: map[Index]func(*AccessKey) []string{
		ByAccount: func(k *AccessKey) []string { return one(k.AccountID) },
		ByOwner:   func(k *AccessKey) []string { return one(UserKey(k.AccountID, k.UserName)) },
	}}
