// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"strings"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/state"
)

// attachments are the policies of one user, group or role.
type attachments struct {
	kind     string // "user", "group" or "role", as policies' sources are named
	name     string
	inline   []state.InlinePolicy
	attached []string // ARNs of managed policies
	boundary string   // ARN of one, or ""
	tags     map[string]string
}

// holders are whose policies a principal has: the user (who made the federated session) with its groups, or the role.
// The root user has none and needs none.
func holders(v *state.View, p apigw.Principal) []attachments {
	name := p.UserName
	switch {
	case p.Type == apigw.PrincipalAssumedRole:
		return roleHolder(v, p)
	case p.Type == apigw.PrincipalFederated && p.Session != nil:
		name = p.Session.User
	case p.Root:
		return nil
	}
	user, ok := state.Users.Get(v, p.AccountID, state.UserKey(p.AccountID, name))
	if !ok {
		return nil
	}
	own := attachments{kind: "user", name: user.Name, inline: user.Inline, attached: user.AttachedTo(), boundary: user.Boundary, tags: user.Tags}
	out := []attachments{own}
	for _, g := range user.Groups {
		if group, ok := state.IAMGroups.Get(v, p.AccountID, state.IAMGroupKey(p.AccountID, g)); ok {
			out = append(out, attachments{kind: "group", name: group.Name, inline: group.Inline, attached: group.Attached})
		}
	}
	return out
}

// roleHolder finds the role of a session. A role that was made again under the name of an old one is another role.
func roleHolder(v *state.View, p apigw.Principal) []attachments {
	if p.Session == nil {
		return nil
	}
	name := p.Session.RoleARN[strings.LastIndexByte(p.Session.RoleARN, '/')+1:]
	role, ok := state.Roles.Get(v, p.AccountID, state.RoleKey(p.AccountID, name))
	if !ok || role.ID != p.Session.RoleID {
		return nil
	}
	return []attachments{{kind: "role", name: role.Name, inline: role.Inline, attached: role.Attached, boundary: role.Boundary, tags: role.Tags}}
}
