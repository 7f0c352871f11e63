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

// InView is Of on a view that the caller has: the simulators and sts:AssumeRole ask about principals who did not call.
// A user or role that is gone holds nothing. The root user needs nothing.
func (s *StatePolicies) InView(v *state.View, p apigw.Principal) (Holdings, error) {
	var h Holdings
	for _, owner := range holders(v, p) {
		if err := s.attach(v, &h, p.AccountID, owner); err != nil {
			return Holdings{}, err
		}
	}
	if p.Session != nil {
		if err := s.session(v, p, &h.Set); err != nil {
			return Holdings{}, err
		}
	}
	return h, s.controls(v, p.AccountID, &h.Set)
}

// controls adds the service control policies of the account: one layer, which has to allow, because accounts are not
// nested here. An account that nothing was attached to has AWS's FullAWSAccess alone, which needs no asking.
func (s *StatePolicies) controls(v *state.View, account string, out *policy.Set) error {
	list, full := v.ControlPolicies(account)
	if full && len(list) == 0 {
		return nil
	}
	layer := policy.Layer{}
	if full {
		layer.Sources = append(layer.Sources, fullAccess())
	}
	for _, p := range list {
		d, err := s.cache.compile(policy.SCP, p.Document)
		if err != nil {
			return fmt.Errorf("service control policy %s: %w", p.ID, err)
		}
		layer.Sources = append(layer.Sources, policy.Source{ID: p.ID, Type: "Service Control Policy", Document: d})
	}
	out.SCPs = []policy.Layer{layer}
	return nil
}

// fullAccess is FullAWSAccess, the control policy that every account has unless it was detached.
var fullAccess = sync.OnceValue(func() policy.Source {
	p, _ := managed.Lookup(state.AdministratorAccess) // the same document
	return policy.Source{ID: state.FullAccess, Type: "Service Control Policy", Document: p.Compiled}
})

// attach adds the policies of a holder to what a principal holds.
func (s *StatePolicies) attach(v *state.View, h *Holdings, account string, a attachments) error {
	for _, in := range a.inline {
		d, err := s.cache.compile(policy.Identity, in.Document)
		if err != nil {
			return fmt.Errorf("policy %s of %s %s: %w", in.Name, a.kind, a.name, err)
		}
		h.Set.Identity = append(h.Set.Identity, policy.Source{ID: a.kind + "_" + a.name + "_" + in.Name, Type: a.kind, Document: d})
	}
	for _, arn := range a.attached {
		source, err := s.named(v, account, arn)
		if err != nil {
			return err
		}
		h.Set.Identity = append(h.Set.Identity, source)
	}
	if a.boundary != "" {
		source, err := s.named(v, account, a.boundary)
		if err != nil {
			return err
		}
		h.Set.Boundary = policy.NewLayer(source)
	}
	if len(a.tags) > 0 {
		h.Tags = a.tags
	}
	return nil
}

// session adds the layer that bounds a session. A federated user without session policies may do nothing; a role's
// session or a session token without them is not bounded.
func (s *StatePolicies) session(v *state.View, p apigw.Principal, out *policy.Set) error {
	in := p.Session
	if !in.Limited() && p.Type != apigw.PrincipalFederated {
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
		source, err := s.named(v, p.AccountID, arn)
		if err != nil {
			return err
		}
		out.Session.Sources = append(out.Session.Sources, source)
	}
	return nil
}

// named finds a managed policy by its ARN: AWS's, or one of the account. One that does not exist allows nothing.
func (s *StatePolicies) named(v *state.View, account, arn string) (policy.Source, error) {
	if p, ok := managed.Lookup(arn); ok {
		return policy.Source{ID: arn, Type: "aws-managed", Document: p.Compiled}, nil
	}
	p, ok := state.ManagedPolicies.Get(v, account, arn)
	if !ok {
		return policy.Source{ID: arn}, nil
	}
	d, err := s.cache.compile(policy.Identity, p.DefaultDocument())
	if err != nil {
		return policy.Source{}, fmt.Errorf("policy %s: %w", arn, err)
	}
	return policy.Source{ID: arn, Type: "user-managed", Document: d}, nil
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
