// SPDX-License-Identifier: Apache-2.0

package state

// IAMGroup gives its policies to the users in it (User.Groups names them).
type IAMGroup struct {
	AccountID string
	Name      string
	ID        string // AGPA and 17 characters
	Path      string
	Attached  []string       // ARNs of managed policies, sorted
	Inline    []InlinePolicy // sorted by name
	Created   Time
}

// IAMGroupKey is the key of a group's row.
func IAMGroupKey(account, name string) string { return account + "/" + name }

// IAMGroups by account and name.
var IAMGroups = &Table[IAMGroup]{name: "iam_groups", id: 50, since: 2, key: func(g *IAMGroup) string { return IAMGroupKey(g.AccountID, g.Name) },
	account: func(g *IAMGroup) string { return g.AccountID },
	indexes: map[Index]func(*IAMGroup) []string{ByAccount: func(g *IAMGroup) []string { return one(g.AccountID) }}}

// ARN is the group's Amazon resource name.
func (g *IAMGroup) ARN() string { return "arn:aws:iam::" + g.AccountID + ":group" + g.Path + g.Name }

// PasswordPolicy is what an account asks of its users' passwords.
type PasswordPolicy struct {
	MinimumLength              int // characters
	RequireSymbols             bool
	RequireNumbers             bool
	RequireUppercase           bool
	RequireLowercase           bool
	AllowUsersToChangePassword bool
	MaxAgeDays                 int // 0: passwords do not expire
	ReusePrevention            int // 0: passwords may come again
	HardExpiry                 bool
}

// AccountSettings is what an account sets for all its users. An account without a row has neither.
type AccountSettings struct {
	AccountID string
	Alias     string // unique in the region; "" is none
	Passwords *PasswordPolicy
}

// AccountSettingsOf by account, and by alias.
var AccountSettingsOf = &Table[AccountSettings]{name: "account_settings", id: 54, since: 2, key: func(s *AccountSettings) string { return s.AccountID },
	account: func(s *AccountSettings) string { return s.AccountID },
	indexes: map[Index]func(*AccountSettings) []string{ByName: func(s *AccountSettings) []string { return one(s.Alias) }}}

// LoginProfile is a user's password for the console.
type LoginProfile struct {
	AccountID     string
	UserName      string
	Hash          string // argon2id, in PHC form; the password is nowhere
	ResetRequired bool
	Created       Time
	Changed       Time
}

// LoginProfiles by the user's key.
var LoginProfiles = &Table[LoginProfile]{name: "login_profiles", id: 55, since: 2, key: func(p *LoginProfile) string { return UserKey(p.AccountID, p.UserName) },
	account: func(p *LoginProfile) string { return p.AccountID },
	indexes: map[Index]func(*LoginProfile) []string{ByAccount: func(p *LoginProfile) []string { return one(p.AccountID) }}}

// KeyUse is when an access key last signed a request, to the minute.
type KeyUse struct {
	KeyID     string
	AccountID string
	At        Time
	Service   string // "ec2"
	Region    string
}

// KeyUses by access key.
var KeyUses = &Table[KeyUse]{name: "key_uses", id: 57, since: 2, key: func(u *KeyUse) string { return u.KeyID },
	account: func(u *KeyUse) string { return u.AccountID }}
