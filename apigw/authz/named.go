// SPDX-License-Identifier: Apache-2.0

package authz

import (
	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/state"
)

// OfUser is what a user holds, the policies of its groups among it, without the user having called: the simulators ask.
func (s *StatePolicies) OfUser(v *state.View, u *state.User) (Holdings, error) {
	return s.InView(v, apigw.Principal{AccountID: u.AccountID, UserName: u.Name, Type: apigw.PrincipalUser})
}

// OfGroup is what a group holds.
func (s *StatePolicies) OfGroup(v *state.View, g *state.IAMGroup) (Holdings, error) {
	var h Holdings
	err := s.attach(v, &h, g.AccountID, attachments{kind: "group", name: g.Name, inline: g.Inline, attached: g.Attached})
	return h, err
}

// OfRole is what a role holds.
func (s *StatePolicies) OfRole(v *state.View, r *state.Role) (Holdings, error) {
	var h Holdings
	err := s.attach(v, &h, r.AccountID, attachments{kind: "role", name: r.Name, inline: r.Inline, attached: r.Attached, boundary: r.Boundary, tags: r.Tags})
	return h, err
}
