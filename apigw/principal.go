// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"strings"
	"time"
)

// PrincipalType is what kind of caller signed a request.
type PrincipalType string

// Kinds of principals.
const (
	PrincipalRoot        PrincipalType = "Account"     // the account's root user
	PrincipalUser        PrincipalType = "User"        // an IAM user
	PrincipalAssumedRole PrincipalType = "AssumedRole" // a session of a role
	PrincipalFederated   PrincipalType = "FederatedUser"
)

// Status of an access key.
type Status string

// An access key is usable only when Active.
const (
	Active   Status = "Active"
	Inactive Status = "Inactive"
)

// Principal is who signed a request, as the identity store knows it.
type Principal struct {
	AccountID   string // 12 digits
	AccessKeyID string
	ARN         string // arn:aws:iam::123456789012:user/alice
	UserID      string // AIDA...; the account id for root
	UserName    string // empty for root
	Type        PrincipalType
	Root        bool
	Secret      string // the secret access key; cleared before handlers see the principal
	Token       string // the session token that must come with the key; empty for long-term keys
	Status      Status
	Session     *Session // of temporary credentials; nil for long-term keys. It must not be changed.
}

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

// ErrUnknownKey says that no access key has that id.
var ErrUnknownKey = errors.New("unknown access key")

// Principals finds who owns an access key.
type Principals interface {
	// Lookup returns the owner of an access key, with its secret. It returns ErrUnknownKey when there is no such key;
	// any other error means that the store cannot answer now (the caller is told to retry).
	// Keys of suspended accounts are returned as Inactive. It may be called by many goroutines at once.
	Lookup(ctx context.Context, accessKeyID string) (Principal, error)
}

// ARN makes an Amazon resource name in the partition aws. region and account may be empty, as in IAM's and S3's.
func ARN(service, region, account, resource string) string {
	return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
}

// ParseARN splits a resource name; false when it has not got the form of one in the partition aws.
func ParseARN(arn string) (service, region, account, resource string, ok bool) {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] != "aws" || p[2] == "" || p[5] == "" {
		return "", "", "", "", false
	}
	return p[2], p[3], p[4], p[5], true
}
