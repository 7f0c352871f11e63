// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/managed"
	"github.com/hivecloud/hive/fsm/state"
)

// Region reads the region's truth.
type Region interface {
	// View is a linearizable snapshot: it holds everything that was acknowledged before the call.
	View(ctx context.Context) (*state.View, error)
}

// StatePolicies finds the policies of principals in the region's state.
type StatePolicies struct {
	region Region
	cache  cache
}

var _ Policies = (*StatePolicies)(nil)

// NewStatePolicies does no I/O.
func NewStatePolicies(region Region) (*StatePolicies, error) {
	if region == nil {
		return nil, errors.New("policies: no region")
	}
	return &StatePolicies{region: region, cache: cache{documents: map[text]*policy.Document{}}}, nil
}

// Of returns what applies to a principal.
func (s *StatePolicies) Of(ctx context.Context, p apigw.Principal) (Holdings, error) {
	v, err := apigw.IdentityView(ctx, s.region.View)
	if err != nil {
		return Holdings{}, err
	}
	return s.InView(v, p)
}

// administrator is the policy of users that were made as administrators.
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// InView is Of on a view that the caller has: the simulators and sts:AssumeRole ask about principals who did not call.
// A user that is gone holds nothing.
func (s *StatePolicies) InView(v *state.View, p apigw.Principal) (Holdings, error) {
	var h Holdings
	if user, ok := state.Users.Get(v, p.AccountID, state.UserKey(p.AccountID, p.UserName)); ok && !p.Root && user.Admin {
		source, err := s.named(v, administrator)
		if err != nil {
			return Holdings{}, err
		}
		h.Set.Identity = append(h.Set.Identity, source)
	}
	var err error
	if h.Set.SCPs, err = s.control(v, p.AccountID); err != nil {
		return Holdings{}, err
	}
	if p.Session != nil {
		if err := s.session(v, p.Session, p.Type, &h.Set); err != nil {
			return Holdings{}, err
		}
	}
	return h, nil
}

// control is the layer of an account's service control policies; none when nothing but FullAccess is attached.
func (s *StatePolicies) control(v *state.View, account string) ([]policy.Layer, error) {
	policies, full := v.ControlPolicies(account)
	if len(policies) == 0 && full {
		return nil, nil
	}
	var layer policy.Layer
	if full {
		source, err := s.named(v, administrator)
		if err != nil {
			return nil, err
		}
		source.ID = state.FullAccess
		layer.Sources = append(layer.Sources, source)
	}
	for _, p := range policies {
		d, err := s.cache.compile(policy.SCP, p.Document)
		if err != nil {
			return nil, fmt.Errorf("service control policy %s: %w", p.ID, err)
		}
		layer.Sources = append(layer.Sources, policy.Source{ID: p.ID, Type: "scp", Document: d})
	}
	return []policy.Layer{layer}, nil
}

// session adds the layer that bounds a session. A federated user without session policies may do nothing; a role's
// session or a session token without them is not bounded.
func (s *StatePolicies) session(v *state.View, in *apigw.Session, kind apigw.PrincipalType, out *policy.Set) error {
	if len(in.Policies)+len(in.PolicyARNs) == 0 && kind != apigw.PrincipalFederated {
		return nil
	}
	out.Session = policy.NewLayer()
	for i, t := range in.Policies {
		d, err := s.cache.compile(policy.Session, t)
		if err != nil {
			return fmt.Errorf("session policy %d: %w", i+1, err)
		}
		out.Session.Sources = append(out.Session.Sources, policy.Source{ID: "SessionPolicy", Type: "none", Document: d})
	}
	for _, arn := range in.PolicyARNs {
		source, err := s.named(v, arn)
		if err != nil {
			return err
		}
		out.Session.Sources = append(out.Session.Sources, source)
	}
	return nil
}

// named finds a managed policy by its ARN. One that does not exist allows nothing.
func (s *StatePolicies) named(_ *state.View, arn string) (policy.Source, error) {
	if p, ok := managed.Lookup(arn); ok {
		return policy.Source{ID: arn, Type: "aws-managed", Document: p.Compiled}, nil
	}
	return policy.Source{ID: arn}, nil
}

// text is what a compiled document was made of.
type text struct {
	kind policy.Kind
	body string
}

// maxDocuments bounds the cache. Beyond it all are dropped: they come back as they are asked for.
const maxDocuments = 20_000

// cache keeps compiled documents by their text: a document never changes, a policy gets another text.
type cache struct {
	mu        sync.RWMutex
	documents map[text]*policy.Document
}

// compile parses a text, unless it did before. A stored policy that does not parse is an error, not an empty policy:
// it might hold a Deny.
func (c *cache) compile(kind policy.Kind, body string) (*policy.Document, error) {
	key := text{kind, body}
	c.mu.RLock()
	d := c.documents[key]
	c.mu.RUnlock()
	if d != nil {
		return d, nil
	}
	d, err := policy.Parse(kind, body)
	if err != nil {
		return nil, fmt.Errorf("compile policy: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.documents) >= maxDocuments {
		clear(c.documents)
	}
	c.documents[key] = d
	return d, nil
}
