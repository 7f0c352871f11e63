// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// Effect is what a statement does when it applies.
type Effect string

// Effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is a compiled policy. It is immutable.
type Document struct {
	Kind       Kind
	Version    string // "2008-10-17" knows no policy variables
	ID         string
	Statements []Statement
}

// Statement is one statement of a document.
type Statement struct {
	Sid        string
	Effect     Effect
	Index      int      // in the document, from zero
	Start, End Position // of the statement's text: its first character, and the one after its last
	// Actions are the patterns as written (Action, or NotAction when Except).
	Actions []string
	Except  bool
	// Resources are the patterns as written (Resource, or NotResource when Outside); empty in trust policies.
	Resources []string
	Outside   bool

	actions    []pattern
	resources  []arnPattern
	principals *principals // nil in documents that name none
	conditions []condition
}

// ContextKeys are the condition keys and variables that the document asks about, sorted, as it spells them first.
func (d *Document) ContextKeys() []string {
	seen := map[string]string{}
	add := func(key string) {
		if _, ok := seen[strings.ToLower(key)]; !ok {
			seen[strings.ToLower(key)] = key
		}
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		for _, r := range s.resources {
			for _, segment := range r.segments {
				for _, v := range segment.variables {
					add(v.written)
				}
			}
		}
		for _, c := range s.conditions {
			add(c.written)
			for _, p := range c.patterns() {
				for _, v := range p.variables {
					add(v.written)
				}
			}
		}
	}
	out := make([]string, 0, len(seen))
	for _, key := range seen {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}
