// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"context"
	"time"
)

// Resource is something that a call touches, as policies name it.
type Resource struct {
	ARN string
	// Account owns the resource; empty means the caller's account. Public images belong to another account.
	Account string
	Type    string // as in ec2:CreateAction and tag specifications: "instance"
	// Tags the resource has; Conditions are the action's other condition keys ("ec2:InstanceType").
	Tags       map[string]string
	Conditions map[string]string
}

// AuthzRequest is one question to the Authorizer.
type AuthzRequest struct {
	Principal Principal // without its secret
	Action    string    // "ec2:RunInstances"
	Resources []Resource
	Region    string
	SourceIP  string
	Time      time.Time
}

// Decision is the Authorizer's answer.
type Decision struct {
	Allowed  bool
	Resource string // when refused: the ARN that was
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
