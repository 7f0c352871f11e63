// SPDX-License-Identifier: Apache-2.0

package apigw

import "time"

// Session is what temporary credentials carry besides their owner. Which kind it is the principal's Type tells: a
// session of a role, of a federated user (GetFederationToken), or of a user or the root user (GetSessionToken).
type Session struct {
	RoleARN string // of a role's session: arn:aws:iam::123456789012:role/path/name
	RoleID  string // AROA...
	Name    string // the session's name, or the federated user's
	// User is the IAM user whose policies a federated user's session has, "root" for the root user; empty else.
	User       string
	Policies   []string // texts of the inline session policies
	PolicyARNs []string // managed policies that are session policies
	// Tags are the session's own tags; TransitiveTags are the keys of those that a chained role inherits.
	Tags           map[string]string
	TransitiveTags []string
	SourceIdentity string
	Issued         time.Time // aws:TokenIssueTime
	Expires        time.Time
	MFA            bool   // a second factor was shown: aws:MultiFactorAuthPresent
	Provider       string // of a web identity: the provider's ARN, aws:FederatedProvider
	Federated      string // of a web identity: the subject that the provider named
	InstanceARN    string // of an instance's role: aws:Ec2SourceInstanceARN and ec2:SourceInstanceARN
}

// Limited tells whether session policies bound the session.
func (s *Session) Limited() bool { return len(s.Policies)+len(s.PolicyARNs) > 0 }
