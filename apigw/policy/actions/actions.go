// SPDX-License-Identifier: Apache-2.0

package actions

import (
	_ "embed" // the table
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed actions.tsv
var table string

// Resource is a type of resource that an action works with.
type Resource struct {
	Type     string // "instance"
	Required bool   // every call names one
	Keys     []string
}

// Action is one action of the reference.
type Action struct {
	Service string // "ec2"
	Name    string // "RunInstances"
	// Access is the access level: "List", "Read", "Write", "Tagging", "Permissions management"; several are joined by
	// ", ".
	Access    string
	Resources []Resource // none: policies name "*"
	Keys      []string   // condition keys of the action itself
	Dependent []string   // what the caller also has to be allowed: "iam:PassRole"
}

// Required are the types that every call of the action names.
func (a Action) Required() []string {
	var out []string
	for _, r := range a.Resources {
		if r.Required {
			out = append(out, r.Type)
		}
	}
	return out
}

// Resource finds one of the action's types.
func (a Action) Resource(typ string) (Resource, bool) {
	i := slices.IndexFunc(a.Resources, func(r Resource) bool { return r.Type == typ })
	if i < 0 {
		return Resource{}, false
	}
	return a.Resources[i], true
}

// service is one service's part of the table.
type service struct {
	keys    []string
	types   map[string]string
	actions map[string]Action // by lower-case name
	order   []string
}

var load = sync.OnceValue(func() map[string]*service {
	out := map[string]*service{}
	var s *service
	name := ""
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch f[0] {
		case "service":
			name = f[1]
			s = &service{types: map[string]string{}, actions: map[string]Action{}}
			out[name] = s
		case "key":
			s.keys = append(s.keys, f[1])
		case "type":
			s.types[f[1]] = f[2]
		case "action":
			a := Action{Service: name, Name: f[1], Access: f[2], Keys: s.refs(f[3]), Dependent: split(f[4], ",")}
			for _, r := range split(f[5], ";") {
				typ, refs, _ := strings.Cut(r, "=")
				typ, required := strings.CutSuffix(typ, "!")
				a.Resources = append(a.Resources, Resource{Type: typ, Required: required, Keys: s.refs(refs)})
			}
			s.actions[strings.ToLower(a.Name)] = a
			s.order = append(s.order, a.Name)
		}
	}
	return out
})

// refs turns "0,3" into the keys with those numbers.
func (s *service) refs(text string) []string {
	var out []string
	for _, ref := range split(text, ",") {
		n, err := strconv.Atoi(ref)
		if err == nil && n < len(s.keys) {
			out = append(out, s.keys[n])
		}
	}
	return out
}

func split(text, by string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, by)
}

// Lookup finds an action ("ec2:RunInstances"), whatever the case of its name.
func Lookup(action string) (Action, bool) {
	name, short, _ := strings.Cut(action, ":")
	s := load()[strings.ToLower(name)]
	if s == nil {
		return Action{}, false
	}
	a, ok := s.actions[strings.ToLower(short)]
	return a, ok
}

// Service lists a service's actions by name; nil for a service that is not in the table.
func Service(name string) []Action {
	s := load()[name]
	if s == nil {
		return nil
	}
	out := make([]Action, 0, len(s.order))
	for _, n := range s.order {
		out = append(out, s.actions[strings.ToLower(n)])
	}
	return out
}

// ARNForm is how ARNs of a type look: "arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}".
func ARNForm(serviceName, typ string) (string, bool) {
	s := load()[serviceName]
	if s == nil {
		return "", false
	}
	form, ok := s.types[typ]
	return form, ok
}
