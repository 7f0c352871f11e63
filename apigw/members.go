// SPDX-License-Identifier: Apache-2.0

package apigw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/wire"
)

// Members declares what each action of a service implements. The gateway refuses everything else that a caller sets,
// by its wire name: UnsupportedOperation, "The parameter X is not supported by Hive". (AWS has no code for "the API
// has it, this region does not"; UnsupportedOperation is what it answers where a feature is missing in a region.)
//
// An entry is a path of Go fields of the action's input, in one of these forms:
//
//	"ImageId", "BlockDeviceMappings.Ebs.VolumeSize"   a scalar or a list of scalars that the handler honours
//	"TagSpecifications.*"                             everything below
//	"Placement.Tenancy=default"                       not implemented: only AWS's default is accepted (repeat the
//	                                                  path with other values to accept several)
//
// DryRun needs no entry. New checks that every path exists.
type Members map[string][]string

// Declared lists the scalars that an action's handler honours: the generated test of a service varies each of them and
// expects something to change. Members that are only accepted with a default are not among them.
func (m Members) Declared(codec *wire.Codec, action string) ([]wire.Member, error) {
	r, err := compileRules(codec, action, m[action])
	if err != nil {
		return nil, err
	}
	all, err := codec.Members(action)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(w wire.Member) bool {
		values, exact := r.exact[w.Path]
		honoured := exact && values == nil || slices.ContainsFunc(r.below, func(tree string) bool { return strings.HasPrefix(w.Path, tree) })
		return !honoured || w.Path == "DryRun"
	}), nil
}

// rules is the compiled form of one action's members.
type rules struct {
	exact map[string][]string // path to the only values it may have; nil: any
	below []string            // subtrees, with the dot at the end
}

func compileRules(codec *wire.Codec, action string, members []string) (*rules, error) {
	r := &rules{exact: map[string][]string{"DryRun": nil}}
	for _, m := range members {
		path, value, limited := strings.Cut(m, "=")
		tree, subtree := strings.CutSuffix(path, ".*")
		if !codec.HasPath(action, tree, subtree) {
			return nil, fmt.Errorf("declare members of %s: the input has no %q", action, m)
		}
		old, twice := r.exact[path]
		if subtree && limited || twice && (old == nil || !limited) {
			return nil, fmt.Errorf("declare members of %s: %q contradicts another entry", action, m)
		}
		switch {
		case subtree:
			r.below = append(r.below, tree+".")
		case limited:
			r.exact[path] = append(old, value)
		default:
			r.exact[path] = nil
		}
	}
	return r, nil
}

// check refuses the first parameter that is not declared.
func (r *rules) check(params []wire.Param) error {
	for _, p := range params {
		allowed, ok := r.exact[p.Path]
		switch {
		case ok && (allowed == nil || slices.ContainsFunc(allowed, func(v string) bool { return same(v, p.Value) })):
		case ok:
			return awserr.NotSupportedValue(p.Name, p.Value, strings.Join(allowed, "' or '"))
		case slices.ContainsFunc(r.below, func(tree string) bool { return strings.HasPrefix(p.Path, tree) }):
		default:
			return awserr.NotSupported(p.Name)
		}
	}
	return nil
}

// same compares values; only booleans are written in several ways.
func same(allowed, sent string) bool {
	return allowed == sent || (allowed == "true" || allowed == "false") && strings.EqualFold(allowed, sent)
}
