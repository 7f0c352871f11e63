// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// boundaryKey is the condition key of who is bounded by what.
const boundaryKey = "iam:PermissionsBoundary"

// policyKey is the condition key of what is attached.
const policyKey = "iam:PolicyARN"

// open begins a call: its view of the region.
func (s *Service) open(ctx context.Context) (*apigw.Call, *state.View, error) {
	v, err := s.region.View(ctx)
	return apigw.CallFrom(ctx), v, err
}

// change proposes a command of the call's action.
func (s *Service) change(ctx context.Context, c command.Command, result any) error {
	if err := s.region.Propose(ctx, c, result); err != nil {
		return fmt.Errorf("propose %s: %w", c.Type().Name(), err)
	}
	return nil
}

func findGroup(v *state.View, account string, name *string) (*state.IAMGroup, error) {
	wanted, err := checkName("groupName", name, 128)
	if err != nil {
		return nil, err
	}
	g, ok := state.IAMGroups.Get(v, account, state.IAMGroupKey(account, wanted))
	if !ok {
		return nil, awserr.NoSuchEntity("The group with name %s cannot be found.", wanted)
	}
	return g, nil
}

func findRole(v *state.View, account string, name *string) (*state.Role, error) {
	wanted, err := checkName("roleName", name, 64)
	if err != nil {
		return nil, err
	}
	r, ok := state.Roles.Get(v, account, state.RoleKey(account, wanted))
	if !ok {
		return nil, awserr.NoSuchEntity("The role with name %s cannot be found.", wanted)
	}
	return r, nil
}

func findProfile(v *state.View, account string, name *string) (*state.InstanceProfile, error) {
	wanted, err := checkName("instanceProfileName", name, 128)
	if err != nil {
		return nil, err
	}
	p, ok := state.InstanceProfiles.Get(v, account, state.InstanceProfileKey(account, wanted))
	if !ok {
		return nil, awserr.NoSuchEntity("Instance Profile %s cannot be found.", wanted)
	}
	return p, nil
}

// namedUser is findUser for actions whose user must be named.
func namedUser(v *state.View, call *apigw.Call, name *string) (*state.User, error) {
	if name == nil {
		return nil, null("userName")
	}
	return findUser(v, call, name)
}

func bounded(r apigw.Resource, boundary string) apigw.Resource {
	if boundary != "" {
		r.Conditions = map[string]string{boundaryKey: boundary}
	}
	return r
}

// tagged is a set of tags that is never nil: no tags is something known.
func tagged(set map[string]string) map[string]string {
	if set == nil {
		return map[string]string{}
	}
	return set
}

func roleResource(r *state.Role) apigw.Resource {
	return bounded(apigw.Resource{ARN: r.ARN(), Account: r.AccountID, Type: "role", Tags: tagged(r.Tags)}, r.Boundary)
}

func groupResource(g *state.IAMGroup) apigw.Resource {
	return apigw.Resource{ARN: g.ARN(), Account: g.AccountID, Type: "group"}
}

func profileResource(p *state.InstanceProfile) apigw.Resource {
	return apigw.Resource{ARN: p.ARN(), Account: p.AccountID, Type: "instance-profile", Tags: tagged(p.Tags)}
}

func policyResource(account, arn string, set map[string]string) apigw.Resource {
	return apigw.Resource{ARN: arn, Account: account, Type: "policy", Tags: tagged(set)}
}

func providerResource(p *state.OIDCProvider) apigw.Resource {
	return apigw.Resource{ARN: p.ARN, Account: p.AccountID, Type: "oidc-provider", Tags: tagged(p.Tags)}
}

// with adds a condition key to a resource.
func with(r apigw.Resource, key, value string) apigw.Resource {
	r.Conditions = maps.Clone(r.Conditions)
	if r.Conditions == nil {
		r.Conditions = map[string]string{}
	}
	r.Conditions[key] = value
	return r
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// listed is one page of rows whose path begins with a prefix, shown.
func listed[R, O any](call *apigw.Call, rows []R, id func(R) string, maxItems *int32, marker *string, show func(R) O) ([]O, *string, error) {
	rows, next, err := apigw.Page(call, rows, id, pageOf(maxItems, marker), page.IAM)
	if err != nil {
		return nil, nil, err
	}
	out := []O{}
	for _, r := range rows {
		out = append(out, show(r))
	}
	return out, next, nil
}

// under collects the rows of an account whose path begins with a prefix.
func under[R any](v *state.View, account, prefix string, table *state.Table[R], pathOf func(*R) string) []*R {
	var out []*R
	for r := range table.Of(v, account) {
		if strings.HasPrefix(pathOf(r), prefix) {
			out = append(out, r)
		}
	}
	return out
}

// listing is what a list of named things with paths was asked for.
type listing struct {
	prefix   *string
	maxItems *int32
	marker   *string
}

// noun is how one kind of them is listed.
type noun[R, O any] struct {
	table *state.Table[R]
	name  func(*R) string
	path  func(*R) string
	skip  func(*R) bool // nil: none
	show  func(*state.View, *R) O
}

// listBelow answers a list of an account's things below a path, as a whole the resource of the call.
func listBelow[R, O any](ctx context.Context, s *Service, n noun[R, O], in listing) ([]O, *string, error) {
	prefix, err := checkPrefix(in.prefix)
	if err != nil {
		return nil, nil, err
	}
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, nil, err
	}
	rows := under(v, call.Account, prefix, n.table, n.path)
	if n.skip != nil {
		rows = slices.DeleteFunc(rows, n.skip)
	}
	return listed(call, rows, n.name, in.maxItems, in.marker, func(r *R) O { return n.show(v, r) })
}
