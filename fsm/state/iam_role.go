// SPDX-License-Identifier: Apache-2.0

package state

// InlinePolicy is a policy that stands in its owner's row.
type InlinePolicy struct{ Name, Document string }

// Role is an identity without credentials of its own: who its trust policy lets, assumes it.
type Role struct {
	AccountID   string
	Name        string
	ID          string // AROA and 17 characters
	Path        string
	Trust       string // the trust policy
	Description string
	MaxSession  int            // seconds
	Attached    []string       // ARNs of managed policies, sorted
	Inline      []InlinePolicy // sorted by name
	Boundary    string         // ARN of a managed policy
	Tags        map[string]string
	Created     Time
	// RevokedBefore ends every session that was issued before it.
	RevokedBefore Time
}

// RoleKey is the key of a role's row.
func RoleKey(account, name string) string { return account + "/" + name }

// Roles by account and name.
var Roles = &Table[Role]{name: "roles", id: 51, since: 2, key: func(r *Role) string { return RoleKey(r.AccountID, r.Name) },
	account: func(r *Role) string { return r.AccountID },
	indexes: map[Index]func(*Role) []string{ByAccount: func(r *Role) []string { return one(r.AccountID) }}}

// ARN is the role's Amazon resource name.
func (r *Role) ARN() string { return "arn:aws:iam::" + r.AccountID + ":role" + r.Path + r.Name }

// InstanceProfile hands a role to instances.
type InstanceProfile struct {
	AccountID string
	Name      string
	ID        string // AIPA and 17 characters
	Path      string
	Role      string // name, or ""
	Tags      map[string]string
	Created   Time
}

// InstanceProfileKey is the key of an instance profile's row.
func InstanceProfileKey(account, name string) string { return account + "/" + name }

// InstanceProfiles by account and name.
var InstanceProfiles = &Table[InstanceProfile]{name: "instance_profiles", id: 52, since: 2,
	key:     func(p *InstanceProfile) string { return InstanceProfileKey(p.AccountID, p.Name) },
	account: func(p *InstanceProfile) string { return p.AccountID },
	indexes: map[Index]func(*InstanceProfile) []string{ByAccount: func(p *InstanceProfile) []string { return one(p.AccountID) }}}

// ARN is the profile's Amazon resource name.
func (p *InstanceProfile) ARN() string {
	return "arn:aws:iam::" + p.AccountID + ":instance-profile" + p.Path + p.Name
}

// OIDCProvider is an identity provider whose tokens roles may trust.
type OIDCProvider struct {
	AccountID   string
	ARN         string
	URL         string // without https://
	ClientIDs   []string
	Thumbprints []string // SHA-1 of certificates, hex
	Tags        map[string]string
	Created     Time
}

// OIDCProviders by ARN.
var OIDCProviders = &Table[OIDCProvider]{name: "oidc_providers", id: 56, since: 2, key: func(p *OIDCProvider) string { return p.ARN },
	account: func(p *OIDCProvider) string { return p.AccountID },
	indexes: map[Index]func(*OIDCProvider) []string{ByAccount: func(p *OIDCProvider) []string { return one(p.AccountID) }}}
