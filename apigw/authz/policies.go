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
// A user that is gone holds nothing. The root user needs nothing.
func (s *StatePolicies) InView(v *state.View, p apigw.Principal) (Holdings, error) {
	var h Holdings
	if owner, ok := holder(v, p); ok {
		if err := s.attach(v, &h, owner); err != nil {
			return Holdings{}, err
		}
	}
	if p.Session != nil {
		if err := s.session(v, p, &h.Set); err != nil {
			return Holdings{}, err
		}
	}
	return h, nil
}

// attachments are the policies of one user, group or role.
type attachments struct {
	kind     string // "user", "group" or "role", as policies' sources are named
	name     string
	inline   []inline
	attached []string // ARNs of managed policies
	boundary string   // ARN of one, or ""
	tags     map[string]string
}

// inline is a policy that is part of its user, group or role.
type inline struct{ name, document string }

// holder finds what the state attaches to whoever a principal's permissions come from: the user, the user that a
// federated session was made by, or the role.
func holder(v *state.View, p apigw.Principal) (attachments, bool) {
	name := p.UserName
	switch {
	case p.Type == apigw.PrincipalFederated && p.Session != nil:
		name = p.Session.User
	case p.Root || p.Type == apigw.PrincipalAssumedRole:
		return attachments{}, false
	}
	user, ok := state.Users.Get(v, p.AccountID, state.UserKey(p.AccountID, name))
	if !ok {
		return attachments{}, false
	}
	out := attachments{kind: "user", name: user.Name}
	if user.Admin {
		out.attached = append(out.attached, administrator)
	}
	return out, true
}

// attach adds the policies of a holder to what a principal holds.
func (s *StatePolicies) attach(v *state.View, h *Holdings, a attachments) error {
	for _, in := range a.inline {
		d, err := s.cache.compile(policy.Identity, in.document)
		if err != nil {
			return fmt.Errorf("policy %s of %s %s: %w", in.name, a.kind, a.name, err)
		}
		h.Set.Identity = append(h.Set.Identity, policy.Source{ID: a.kind + "_" + a.name + "_" + in.name, Type: a.kind, Document: d})
	}
	for _, arn := range a.attached {
		source, err := s.named(v, arn)
		if err != nil {
			return err
		}
		h.Set.Identity = append(h.Set.Identity, source)
	}
	if a.boundary != "" {
		source, err := s.named(v, a.boundary)
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
