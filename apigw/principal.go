// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"errors"
	"strings"
)

// PrincipalType is what kind of caller signed a request.
type PrincipalType string

// Kinds of principals.
const (
	PrincipalRoot        PrincipalType = "Account"     // the account's root user
	PrincipalUser        PrincipalType = "User"        // an IAM user
	PrincipalAssumedRole PrincipalType = "AssumedRole" // a session of a role
	PrincipalFederated   PrincipalType = "FederatedUser"
	// PrincipalWebIdentity is who shows an OIDC provider's token instead of a signature.
	PrincipalWebIdentity PrincipalType = "WebIdentityUser"
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
	UserName    string // empty for root, for sessions of roles and for federated users
	Type        PrincipalType
	Root        bool
	Secret      string // the secret access key; cleared before handlers see the principal
	Status      Status
	Session     *Session // of temporary credentials; nil for long-term keys. It must not be changed.
}

// ErrUnknownKey says that no access key has that id.
var ErrUnknownKey = errors.New("unknown access key")

// Errors of Principals.Session.
var (
	// ErrInvalidToken is a session token that is not valid, or no longer: its role or user is gone, its role's sessions
	// were revoked, or the key that it was made with is not active.
	ErrInvalidToken = errors.New("session token is not valid")
	// ErrExpiredToken is a session token whose time is over.
	ErrExpiredToken = errors.New("session token has expired")
)

// Principals finds who owns an access key.
type Principals interface {
	// Lookup returns the owner of an access key, with its secret. It returns ErrUnknownKey when there is no such key;
	// any other error means that the store cannot answer now (the caller is told to retry).
	// Keys of suspended accounts are returned as Inactive. It may be called by many goroutines at once.
	Lookup(ctx context.Context, accessKeyID string) (Principal, error)
	// Session returns whose temporary credentials (ASIA...) these are, with their secret. It returns ErrInvalidToken, or
	// ErrExpiredToken together with the principal, so that the signature is checked before the caller learns it; any other error
	// means that the store cannot answer now. It may be called by many goroutines at once.
	Session(ctx context.Context, accessKeyID, token string) (Principal, error)
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
