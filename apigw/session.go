// SPDX-License-Identifier: Apache-2.0

package apigw

import "time"

// Session is what temporary credentials carry besides their owner.
type Session struct {
	RoleARN         string            // the role of an assumed role
	RoleID          string            // AROA...
	Name            string            // the session's or the federated user's name
	Policies        []string          // texts of session policies
	PolicyARNs      []string          // managed policies that bound the session
	Tags            map[string]string // session tags
	TransitiveTags  []string          // keys of those that pass on when roles are chained
	SourceIdentity  string
	Issued, Expires time.Time
	MFA             bool
	Provider        string // the identity provider of a web identity
	Federated       string // the subject that the provider names
}
