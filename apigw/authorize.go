// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"time"

	"github.com/hivecloud/hive/apigw/policy"
)

// Resource is something that a call touches, as policies name it.
type Resource struct {
	ARN string
	// Account owns the resource; empty means the caller's account. Public images belong to another account.
	Account string
	Type    string // as in ec2:CreateAction and tag specifications: "instance"
	// Tags the resource has; RequestTags are those that the call gives it; RemovedTags are keys that the call takes away.
	Tags        map[string]string
	RequestTags map[string]string
	RemovedTags []string
	// Conditions are the action's other condition keys ("ec2:InstanceType"); Keys are those with several values.
	Conditions map[string]string
	Keys       map[string][]string
	// Policy is the resource's own policy; nil for resources that have none: whether those of another account may be
	// used is decided by the state (public images), not by a policy.
	Policy *policy.Document
	// PolicyDecides says that the resource's policy has to allow within its own account too: keys, and roles to be assumed.
	PolicyDecides bool
}

// AuthzRequest is one question to the Authorizer.
type AuthzRequest struct {
	Principal       Principal // without its secret
	Action          string    // "ec2:RunInstances"
	Resources       []Resource
	Region          string
	SourceIP        string
	UserAgent       string
	SecureTransport bool // the request came over TLS
	Time            time.Time
	Keys            map[string][]string // further condition keys of the request
}

// Decision is the Authorizer's answer.
type Decision struct {
	Allowed  bool
	Resource string         // when refused: the ARN that was
	Reason   string         // when refused, AWS's words: "because no identity-based policy allows the ec2:RunInstances action"
	Explicit bool           // a statement denies it
	Encoded  string         // when refused: the sealed explanation that DecodeAuthorizationMessage opens; empty without one
	Matched  []policy.Match // when Explicit: the statements that deny
}

// Authorizer decides what a principal may do.
type Authorizer interface {
	// Authorize decides about one call. An error means that no decision could be made, which is not a refusal. It may
	// be called by many goroutines at once.
	Authorize(ctx context.Context, r AuthzRequest) (Decision, error)
}

// AccountAuthorizer lets the principals of an account do everything with the account's own resources and with those
// that a handler has found to be shared with it (their Account differs and the handler asks nevertheless: visibility
// is decided by state, another account's private resource is NotFound before it is asked about).
type AccountAuthorizer struct{}

var _ Authorizer = AccountAuthorizer{}

// Authorize allows every principal that has an account.
func (AccountAuthorizer) Authorize(_ context.Context, r AuthzRequest) (Decision, error) {
	return Decision{Allowed: r.Principal.AccountID != ""}, nil
}
