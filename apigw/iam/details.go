// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/fsm/state"
)

// detail is one element of the answer of GetAccountAuthorizationDetails.
type detail struct {
	order  string
	user   *types.UserDetail
	group  *types.GroupDetail
	role   *types.RoleDetail
	policy *types.ManagedPolicyDetail
}

// GetAccountAuthorizationDetails shows users, groups, roles and policies of the account with all that they hold.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
func (s *Service) GetAccountAuthorizationDetails(ctx context.Context, in *sdk.GetAccountAuthorizationDetailsInput) (*sdk.GetAccountAuthorizationDetailsOutput, error) {
	for _, f := range in.Filter {
		if !slices.Contains(f.Values(), f) {
			return nil, notOneOf("filter", string(f), f.Values())
		}
	}
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	rows, next, err := listed(call, details(v, call.Account, in.Filter), func(d detail) string { return d.order }, in.MaxItems, in.Marker, func(d detail) detail { return d })
	out := &sdk.GetAccountAuthorizationDetailsOutput{Marker: next, IsTruncated: next != nil, UserDetailList: []types.UserDetail{}, GroupDetailList: []types.GroupDetail{},
		RoleDetailList: []types.RoleDetail{}, Policies: []types.ManagedPolicyDetail{}}
	for _, d := range rows {
		switch {
		case d.user != nil:
			out.UserDetailList = append(out.UserDetailList, *d.user)
		case d.group != nil:
			out.GroupDetailList = append(out.GroupDetailList, *d.group)
		case d.role != nil:
			out.RoleDetailList = append(out.RoleDetailList, *d.role)
		default:
			out.Policies = append(out.Policies, *d.policy)
		}
	}
	return out, err
}

func details(v *state.View, account string, filter []types.EntityType) []detail {
	wanted := func(t types.EntityType) bool { return len(filter) == 0 || slices.Contains(filter, t) }
	var out []detail
	for u := range state.Users.Of(v, account) {
		if !u.Root && wanted(types.EntityTypeUser) {
			out = append(out, detail{order: "1" + u.Name, user: &types.UserDetail{UserName: aws.String(u.Name), UserId: aws.String(u.ID), Arn: aws.String(u.ARN()), Path: aws.String(u.Path),
				CreateDate: aws.Time(u.Created.Std()), GroupList: append([]string{}, u.Groups...), AttachedManagedPolicies: shownAttached(u.AttachedTo()), UserPolicyList: shownInline(u.Inline),
				PermissionsBoundary: shownBoundary(u.Boundary), Tags: shownTags(u.Tags)}})
		}
	}
	for g := range state.IAMGroups.Of(v, account) {
		if wanted(types.EntityTypeGroup) {
			out = append(out, detail{order: "2" + g.Name, group: &types.GroupDetail{GroupName: aws.String(g.Name), GroupId: aws.String(g.ID), Arn: aws.String(g.ARN()), Path: aws.String(g.Path),
				CreateDate: aws.Time(g.Created.Std()), AttachedManagedPolicies: shownAttached(g.Attached), GroupPolicyList: shownInline(g.Inline)}})
		}
	}
	for r := range state.Roles.Of(v, account) {
		if wanted(types.EntityTypeRole) {
			out = append(out, detail{order: "3" + r.Name, role: roleDetail(v, r)})
		}
	}
	uses := v.PolicyUses(account)
	for _, p := range policiesIn(v, account, types.PolicyScopeTypeAll) {
		own := !strings.HasPrefix(*p.Arn, "arn:aws:iam::aws:")
		shown := p.show(uses)
		if own && wanted(types.EntityTypeLocalManagedPolicy) || !own && wanted(types.EntityTypeAWSManagedPolicy) && *shown.AttachmentCount > 0 {
			out = append(out, detail{order: "4" + *p.Arn, policy: policyDetail(p, shown)})
		}
	}
	return out
}

func roleDetail(v *state.View, r *state.Role) *types.RoleDetail {
	out := &types.RoleDetail{RoleName: aws.String(r.Name), RoleId: aws.String(r.ID), Arn: aws.String(r.ARN()), Path: aws.String(r.Path), CreateDate: aws.Time(r.Created.Std()),
		AssumeRolePolicyDocument: encode(r.Trust), AttachedManagedPolicies: shownAttached(r.Attached), RolePolicyList: shownInline(r.Inline), InstanceProfileList: []types.InstanceProfile{},
		PermissionsBoundary: shownBoundary(r.Boundary), Tags: shownTags(r.Tags), RoleLastUsed: &types.RoleLastUsed{}}
	for p := range state.InstanceProfiles.Of(v, r.AccountID) {
		if p.Role == r.Name {
			out.InstanceProfileList = append(out.InstanceProfileList, listedProfile(v, p))
		}
	}
	return out
}

func policyDetail(p anyPolicy, shown types.Policy) *types.ManagedPolicyDetail {
	out := &types.ManagedPolicyDetail{PolicyName: shown.PolicyName, PolicyId: shown.PolicyId, Arn: shown.Arn, Path: shown.Path, DefaultVersionId: shown.DefaultVersionId,
		AttachmentCount: shown.AttachmentCount, PermissionsBoundaryUsageCount: shown.PermissionsBoundaryUsageCount, IsAttachable: true, Description: shown.Description,
		CreateDate: shown.CreateDate, UpdateDate: shown.UpdateDate, PolicyVersionList: []types.PolicyVersion{}}
	for _, version := range p.versions {
		out.PolicyVersionList = append(out.PolicyVersionList, p.showVersion(version, true))
	}
	return out
}
