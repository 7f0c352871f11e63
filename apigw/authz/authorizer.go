// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"context"
	"errors"
	"fmt"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
)

// Policies finds what applies to principals.
type Policies interface {
	// Of returns the policies of a principal and its tags. It may be called by many goroutines at once; an error means
	// that no decision can be made now.
	Of(ctx context.Context, p apigw.Principal) (Holdings, error)
}

// Holdings are the policies that apply to a principal, without those of resources, and its tags.
type Holdings struct {
	Set  policy.Set
	Tags map[string]string // of the user or the role; session tags come on top
}

// Config is what an Authorizer needs.
type Config struct {
	Policies Policies  // required; StatePolicies in an agent
	Messages *Messages // seals what refusals were about; nil leaves it out
}

// Authorizer decides what principals may do.
type Authorizer struct{ cfg Config }

var _ apigw.Authorizer = (*Authorizer)(nil)

// New returns an Authorizer. It does no I/O.
func New(cfg Config) (*Authorizer, error) {
	if cfg.Policies == nil {
		return nil, errors.New("authorizer: policies are required")
	}
	return &Authorizer{cfg: cfg}, nil
}

// free are the actions that need no permission and that no policy takes away: they only prove who the caller is.
var free = map[string]bool{"sts:GetCallerIdentity": true, "sts:GetSessionToken": true}

// Authorize asks about every resource of the request; the first refusal is the answer.
func (a *Authorizer) Authorize(ctx context.Context, r apigw.AuthzRequest) (apigw.Decision, error) {
	if free[r.Action] && r.Principal.AccountID != "" {
		return apigw.Decision{Allowed: true}, nil
	}
	held, err := a.cfg.Policies.Of(ctx, r.Principal)
	if err != nil {
		return apigw.Decision{}, fmt.Errorf("gather policies of %s: %w", r.Principal.ARN, err)
	}
	return a.decide(r, held)
}

// nothing stands for the whole of an action without resources.
var nothing = []apigw.Resource{{ARN: "*"}}

func (a *Authorizer) decide(r apigw.AuthzRequest, held Holdings) (apigw.Decision, error) {
	resources := r.Resources
	if len(resources) == 0 {
		resources = nothing
	}
	base := requestKeys(r, held.Tags)
	who := PrincipalOf(r.Principal)
	for i := range resources {
		q := policy.Request{Principal: who, Action: r.Action, Resource: resources[i].ARN, Brief: true, Context: keys{base, resourceKeys(r.Action, &resources[i])}}
		set := held.Set
		if resources[i].Policy != nil || resources[i].PolicyDecides {
			q.ResourceAccount, q.ResourceDecides = resources[i].Account, resources[i].PolicyDecides
			set.Resource = []policy.Source{{ID: resources[i].ARN, Type: "resource", Document: resources[i].Policy}}
		}
		d := policy.Evaluate(q, set)
		if !d.Allowed {
			return a.refuse(r, q, d)
		}
	}
	return apigw.Decision{Allowed: true}, nil
}

// refuse explains a refusal.
func (a *Authorizer) refuse(r apigw.AuthzRequest, q policy.Request, d policy.Decision) (apigw.Decision, error) {
	out := apigw.Decision{Resource: q.Resource, Reason: d.Reason(r.Action), Explicit: d.Explicit, Matched: d.Matched}
	if a.cfg.Messages == nil {
		return out, nil
	}
	var err error
	if out.Encoded, err = a.cfg.Messages.Seal(r.Principal.AccountID, explain(r, q, d)); err != nil {
		return apigw.Decision{}, fmt.Errorf("explain refusal: %w", err)
	}
	return out, nil
}

// PrincipalOf is a caller as policies see it.
func PrincipalOf(p apigw.Principal) policy.Principal {
	out := policy.Principal{Account: p.AccountID, ARN: p.ARN, UserID: p.UserID, UserName: p.UserName, Root: p.Root}
	if p.Session != nil && p.Type == apigw.PrincipalAssumedRole {
		out.RoleARN, out.UserName = p.Session.RoleARN, ""
	}
	return out
}
