// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// Outcome is EvalDecision of SimulateCustomPolicy and SimulatePrincipalPolicy.
type Outcome string

// Outcomes.
const (
	OutcomeAllowed  Outcome = "allowed"
	OutcomeExplicit Outcome = "explicitDeny"
	OutcomeImplicit Outcome = "implicitDeny"
)

// MatchedStatement is an element of MatchedStatements.
type MatchedStatement struct {
	SourceID   string   // SourcePolicyId
	SourceType string   // SourcePolicyType
	Start, End Position // StartPosition, EndPosition
}

// Simulation is what the simulators of IAM say of one action and one resource.
type Simulation struct {
	Decision Decision
	Outcome  Outcome
	Matched  []MatchedStatement
	// Missing are the condition keys that the documents ask about and the request does not have, sorted.
	Missing []string
	// BoundaryAllows is AllowedByPermissionsBoundary; nil without a boundary.
	BoundaryAllows *bool
	// OrganizationsAllow is AllowedByOrganizations; nil without service control policies.
	OrganizationsAllow *bool
}

// Simulate decides a request and says why, as IAM's simulators do.
func Simulate(r Request, s Set) Simulation {
	out := Simulation{Decision: Evaluate(r, s), Outcome: OutcomeImplicit}
	switch {
	case out.Decision.Allowed:
		out.Outcome = OutcomeAllowed
	case out.Decision.Explicit:
		out.Outcome = OutcomeExplicit
	}
	for _, m := range out.Decision.Matched {
		out.Matched = append(out.Matched, MatchedStatement{SourceID: m.Source.ID, SourceType: m.Source.Type, Start: m.Statement.Start, End: m.Statement.End})
	}
	e := &evaluation{request: &r, action: strings.ToLower(r.Action), resource: splitARN(r.Resource), bounded: s.Boundary != nil}
	out.Missing = e.missing(&s)
	if s.Boundary != nil {
		out.BoundaryAllows = e.alone(Set{Boundary: s.Boundary})
	}
	if s.SCPs != nil {
		out.OrganizationsAllow = e.alone(Set{SCPs: s.SCPs})
	}
	return out
}

// alone asks what one layer says by itself, its denies included.
func (e *evaluation) alone(s Set) *bool {
	e.denied = nil
	v := e.verdict(&s)
	allowed := v.boundary && v.serviceControl && len(e.denied) == 0
	return &allowed
}

// missing lists the keys that the documents ask for in vain.
func (e *evaluation) missing(s *Set) []string {
	var out []string
	for _, source := range s.all() {
		if source.Document == nil {
			continue
		}
		for _, key := range source.Document.ContextKeys() {
			if len(e.values(strings.ToLower(key))) == 0 && !slices.ContainsFunc(out, func(k string) bool { return strings.EqualFold(k, key) }) {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return out
}

// all are the documents of every layer.
func (s *Set) all() []Source {
	out := slices.Concat(s.Identity, s.Resource)
	for _, l := range []*Layer{s.Boundary, s.Session, s.Endpoint} {
		if l != nil {
			out = append(out, l.Sources...)
		}
	}
	for _, l := range slices.Concat(s.SCPs, s.RCPs) {
		out = append(out, l.Sources...)
	}
	return out
}
