// SPDX-License-Identifier: Apache-2.0

package state

import "slices"

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	ID       string // v1
	Document string
	Created  Time
}

// ManagedPolicy is a policy of its own, which is attached by its ARN.
type ManagedPolicy struct {
	AccountID   string
	ID          string // ANPA and 17 characters
	Name        string
	Path        string
	Description string
	Versions    []PolicyVersion // oldest first
	Next        int             // number of the next version
	Default     string          // id of a version
	Created     Time
	Updated     Time
	Tags        map[string]string
}

// ManagedPolicies by ARN.
var ManagedPolicies = &Table[ManagedPolicy]{name: "managed_policies", id: 53, since: 2, key: func(p *ManagedPolicy) string { return p.ARN() },
	account: func(p *ManagedPolicy) string { return p.AccountID },
	indexes: map[Index]func(*ManagedPolicy) []string{ByAccount: func(p *ManagedPolicy) []string { return one(p.AccountID) }}}

// ARN is the policy's Amazon resource name.
func (p *ManagedPolicy) ARN() string {
	return "arn:aws:iam::" + p.AccountID + ":policy" + p.Path + p.Name
}

// Version finds a version.
func (p *ManagedPolicy) Version(id string) (PolicyVersion, bool) {
	at := slices.IndexFunc(p.Versions, func(v PolicyVersion) bool { return v.ID == id })
	if at < 0 {
		return PolicyVersion{}, false
	}
	return p.Versions[at], true
}

// DefaultDocument is the text of the version in force.
func (p *ManagedPolicy) DefaultDocument() string {
	v, _ := p.Version(p.Default)
	return v.Document
}

// AdministratorAccess is AWS's policy that allows everything: what User.Admin stands for.
const AdministratorAccess = "arn:aws:iam::aws:policy/AdministratorAccess"

// AttachedTo are the managed policies of a user, sorted: those in its row, and what User.Admin stands for.
func (u *User) AttachedTo() []string {
	if u.Root || !u.Admin || slices.Contains(u.Attached, AdministratorAccess) {
		return u.Attached
	}
	return slices.Sorted(slices.Values(append([]string{AdministratorAccess}, u.Attached...)))
}

// PolicyUse is how often a managed policy is used in an account.
type PolicyUse struct {
	Attached int // to users, groups and roles
	Bounds   int // permissions boundaries of users and roles
}

// PolicyUses counts, in one pass over an account's identities, which managed policies they use. Policies that nobody uses
// are absent.
func (v *View) PolicyUses(account string) map[string]PolicyUse {
	out := map[string]PolicyUse{}
	count := func(attached []string, boundary string) {
		for _, arn := range attached {
			use := out[arn]
			use.Attached++
			out[arn] = use
		}
		if boundary != "" {
			use := out[boundary]
			use.Bounds++
			out[boundary] = use
		}
	}
	for u := range Users.Of(v, account) {
		count(u.AttachedTo(), u.Boundary)
	}
	for g := range IAMGroups.Of(v, account) {
		count(g.Attached, "")
	}
	for r := range Roles.Of(v, account) {
		count(r.Attached, r.Boundary)
	}
	return out
}
