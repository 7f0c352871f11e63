// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// LayerName is a kind of policy, as AWS's messages call it.
type LayerName string

// Layers, in the order in which a refusal names them.
const (
	LayerResourceControl LayerName = "resource control policy"
	LayerServiceControl  LayerName = "service control policy"
	LayerEndpoint        LayerName = "VPC endpoint policy"
	LayerResource        LayerName = "resource-based policy"
	LayerBoundary        LayerName = "permissions boundary"
	LayerSession         LayerName = "session policy"
	LayerIdentity        LayerName = "identity-based policy"
)

// Match is a statement that applied.
type Match struct {
	Layer     LayerName
	Source    Source
	Statement *Statement
}

// Decision is the answer.
type Decision struct {
	Allowed  bool
	Explicit bool // a statement denies it, as opposed to none allowing it
	// Layer refused, when it was refused.
	Layer LayerName
	// Matched are the denying statements when Explicit; else the statements that allow, also when a layer misses one.
	Matched []Match
}

// Reason ends AWS's message of a refusal: "because no identity-based policy allows the ec2:RunInstances action".
func (d Decision) Reason(action string) string {
	article := "a"
	if d.Layer == LayerIdentity {
		article = "an"
	}
	if d.Explicit {
		return "with an explicit deny in " + article + " " + string(d.Layer)
	}
	return "because no " + string(d.Layer) + " allows the " + action + " action"
}

// evaluation is a request on its way through the layers.
type evaluation struct {
	request  *Request
	action   string // in lower case
	resource arn
	bounded  bool // the principal has a permissions boundary
	matched  []Match
	denied   []Match
	one      [1]string // backs values of derived keys, so that they need no allocation
}

var _ lookup = (*evaluation)(nil)

// values of a condition key.
func (e *evaluation) values(key string) []string {
	if e.request.Context != nil {
		if v := e.request.Context.Value(key); len(v) > 0 {
			return v
		}
	}
	if v := e.request.derived(key); v != "" {
		e.one[0] = v
		return e.one[:]
	}
	return nil
}

// variable is the value of a policy variable: of a key that has exactly one.
func (e *evaluation) variable(key string) (string, bool) {
	v := e.values(key)
	if len(v) != 1 {
		return "", false
	}
	return v[0], true
}

// Evaluate decides a request. It never panics and does not depend on the order of documents or statements (but Matched
// follows it). The order of AWS's documentation: any explicit deny; then every layer that bounds (resource and service control
// policies, endpoint, boundary, session); then the policies of the identity or, within one account, of the resource;
// across accounts both.
func Evaluate(r Request, s Set) Decision {
	e := &evaluation{request: &r, action: strings.ToLower(r.Action), resource: splitARN(r.Resource), bounded: s.Boundary != nil}
	v := e.verdict(&s)
	if len(e.denied) > 0 {
		return Decision{Explicit: true, Layer: first(e.denied), Matched: e.denied}
	}
	d := Decision{Matched: e.matched}
	d.Layer, d.Allowed = v.decide(&r)
	return d
}

// first is the layer that a message names of several that deny.
func first(denied []Match) LayerName {
	for _, layer := range []LayerName{LayerResourceControl, LayerServiceControl, LayerEndpoint, LayerResource, LayerBoundary, LayerSession, LayerIdentity} {
		for _, m := range denied {
			if m.Layer == layer {
				return layer
			}
		}
	}
	return LayerIdentity
}

// verdict is what each layer says without the denies, asked in the order in which Matched names statements.
type verdict struct {
	resourceControl, serviceControl, endpoint, boundary, session, identity bool
	resource                                                               grant
}

func (e *evaluation) verdict(s *Set) verdict {
	v := verdict{resourceControl: true, serviceControl: true}
	v.identity = e.layer(LayerIdentity, s.Identity) || e.request.Principal.Root
	v.resource = e.grants(s.Resource)
	v.boundary = s.Boundary == nil || e.layer(LayerBoundary, s.Boundary.Sources)
	v.session = s.Session == nil || e.layer(LayerSession, s.Session.Sources)
	v.endpoint = s.Endpoint == nil || e.layer(LayerEndpoint, s.Endpoint.Sources)
	for i := range s.SCPs {
		v.serviceControl = e.layer(LayerServiceControl, s.SCPs[i].Sources) && v.serviceControl
	}
	for i := range s.RCPs {
		v.resourceControl = e.layer(LayerResourceControl, s.RCPs[i].Sources) && v.resourceControl
	}
	return v
}

// decide joins what the layers say; when refused it names the layer that a message blames.
func (v *verdict) decide(r *Request) (LayerName, bool) {
	switch {
	case !v.resourceControl:
		return LayerResourceControl, false
	case !v.serviceControl:
		return LayerServiceControl, false
	case !v.endpoint:
		return LayerEndpoint, false
	case r.Principal.Account == "" && v.resource == grantNone:
		return LayerResource, false
	case r.Principal.Account == "":
		return "", true // services, web identities and anonymous callers have no policies of their own
	}
	if r.ResourceAccount == "" || r.ResourceAccount == r.Principal.Account {
		return v.sameAccount(r)
	}
	layer, allowed := v.bounds(v.identity)
	if allowed && v.resource == grantNone {
		return LayerResource, false
	}
	return layer, allowed
}

// sameAccount: the resource's policy is enough where it names the caller; where it names the session itself or the
// user, boundary and session policy do not bound it.
func (v *verdict) sameAccount(r *Request) (LayerName, bool) {
	if r.ResourceDecides && v.resource == grantNone {
		return LayerResource, false
	}
	if v.resource == grantExact {
		return "", true
	}
	return v.bounds(v.identity || v.resource == grantRole)
}

func (v *verdict) bounds(identity bool) (LayerName, bool) {
	switch {
	case !identity:
		return LayerIdentity, false
	case !v.boundary:
		return LayerBoundary, false
	case !v.session:
		return LayerSession, false
	}
	return "", true
}

// layer looks through documents without principals; true when a statement allows.
func (e *evaluation) layer(name LayerName, sources []Source) bool {
	allowed := false
	for i := range sources {
		d := sources[i].Document
		if d == nil {
			continue
		}
		for j := range d.Statements {
			s := &d.Statements[j]
			if allowed && e.request.Brief && s.Effect == Allow || !e.applies(s) {
				continue
			}
			if s.principals != nil && !e.names(s) {
				continue
			}
			e.note(name, sources[i], s)
			allowed = allowed || s.Effect == Allow
		}
	}
	return allowed
}

// grants looks through the resource's policies and returns the closest grant.
func (e *evaluation) grants(sources []Source) grant {
	best := grantNone
	for i := range sources {
		d := sources[i].Document
		if d == nil {
			continue
		}
		for j := range d.Statements {
			s := &d.Statements[j]
			if s.principals == nil || !e.names(s) || !e.applies(s) {
				continue
			}
			e.note(LayerResource, sources[i], s)
			if s.Effect == Deny {
				continue
			}
			given := grantRole
			if !s.principals.except {
				given = s.principals.grants(&e.request.Principal)
			}
			best = max(best, given)
		}
	}
	return best
}

// names reports whether the statement is about the caller. A Deny with NotPrincipal meets every principal that has a
// permissions boundary, whomever it lists: AWS documents that.
func (e *evaluation) names(s *Statement) bool {
	p := &e.request.Principal
	if !s.principals.except {
		return s.principals.grants(p) != grantNone
	}
	if s.Effect == Deny {
		return e.bounded || !s.principals.exempts(p)
	}
	return s.principals.grants(p) == grantNone
}

// applies reports whether action, resource and conditions fit.
func (e *evaluation) applies(s *Statement) bool {
	return e.actionFits(s) && e.resourceFits(s) && e.conditionsHold(s)
}

func (e *evaluation) actionFits(s *Statement) bool {
	for i := range s.actions {
		if s.actions[i].match(e.action, e) {
			return !s.Except
		}
	}
	return s.Except
}

func (e *evaluation) resourceFits(s *Statement) bool {
	if len(s.resources) == 0 {
		return true // trust policies: the role itself
	}
	for i := range s.resources {
		if s.resources[i].match(&e.resource, e) {
			return !s.Outside
		}
	}
	// What is outside of something unknown (a variable without a value) is unknown: it is denied and not allowed.
	return s.Outside && (s.Effect == Deny || e.known(s))
}

// known reports whether all variables in the statement's resources have a value.
func (e *evaluation) known(s *Statement) bool {
	for i := range s.resources {
		for _, segment := range s.resources[i].segments {
			for _, v := range segment.variables {
				if _, ok := e.variable(v.key); !ok && !v.has {
					return false
				}
			}
		}
	}
	return true
}

func (e *evaluation) conditionsHold(s *Statement) bool {
	for i := range s.conditions {
		if !s.conditions[i].holds(e) {
			return false
		}
	}
	return true
}

func (e *evaluation) note(layer LayerName, source Source, s *Statement) {
	m := Match{Layer: layer, Source: source, Statement: s}
	if s.Effect == Deny {
		e.denied = append(e.denied, m)
		return
	}
	if e.request.Brief {
		return
	}
	e.matched = append(e.matched, m)
}
