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
