// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/managed"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// CreatePolicy makes a managed policy; its document is version v1.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
func (s *Service) CreatePolicy(ctx context.Context, in *sdk.CreatePolicyInput) (*sdk.CreatePolicyOutput, error) {
	call, err := apigw.CallFrom(ctx), error(nil)
	p := &state.ManagedPolicy{AccountID: call.Account, ID: newID("ANPA"), Description: aws.ToString(in.Description), Default: "v1", Created: state.At(call.Time), Updated: state.At(call.Time)}
	if p.Name, err = checkName("policyName", in.PolicyName, 128); err != nil {
		return nil, err
	}
	if p.Path, err = checkPath("path", in.Path); err != nil {
		return nil, err
	}
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	text, err := checkDocument(policy.Identity, "policyDocument", in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	if p.Tags, err = tagsOf(in.Tags); err != nil {
		return nil, err
	}
	r := policyResource(call.Account, p.ARN(), p.Tags)
	r.RequestTags = p.Tags
	if err := call.Authorize(r); err != nil {
		return nil, err
	}
	if err := s.change(ctx, command.CreateManagedPolicy{Policy: *p, Document: text}, nil); err != nil {
		return nil, err
	}
	shown := ofAccount(p).show(nil)
	shown.Description = nil // as AWS answers it
	return &sdk.CreatePolicyOutput{Policy: &shown}, nil
}

// anyPolicy is a managed policy of the account or of AWS.
type anyPolicy struct {
	types.Policy
	tags     map[string]string
	versions []state.PolicyVersion
}

func ofAccount(p *state.ManagedPolicy) anyPolicy {
	return anyPolicy{tags: p.Tags, versions: p.Versions, Policy: types.Policy{PolicyName: aws.String(p.Name), PolicyId: aws.String(p.ID), Arn: aws.String(p.ARN()), Path: aws.String(p.Path),
		DefaultVersionId: aws.String(p.Default), IsAttachable: true, Description: optional(p.Description), CreateDate: aws.Time(p.Created.Std()), UpdateDate: aws.Time(p.Updated.Std())}}
}

func ofAWS(p managed.Policy) anyPolicy {
	return anyPolicy{versions: []state.PolicyVersion{{ID: p.Version, Document: p.Document, Created: state.At(p.Updated)}},
		Policy: types.Policy{PolicyName: aws.String(p.Name), PolicyId: aws.String(p.ID), Arn: aws.String(p.ARN), Path: aws.String(p.Path),
			DefaultVersionId: aws.String(p.Version), IsAttachable: true, CreateDate: aws.Time(p.Created), UpdateDate: aws.Time(p.Updated)}}
}

// show fills in how the account uses it (state.View.PolicyUses).
func (p anyPolicy) show(uses map[string]state.PolicyUse) types.Policy {
	out, use := p.Policy, uses[*p.Arn]
	out.AttachmentCount, out.PermissionsBoundaryUsageCount = aws.Int32(int32(use.Attached)), aws.Int32(int32(use.Bounds))
	out.Tags = shownTags(p.tags)
	return out
}

// findPolicy finds a managed policy of the account or of AWS.
func findPolicy(v *state.View, account string, arn *string) (anyPolicy, error) {
	wanted, err := checkPolicyARN("policyArn", arn)
	if err != nil {
		return anyPolicy{}, err
	}
	if p, ok := managed.Lookup(wanted); ok {
		return ofAWS(p), nil
	}
	p, ok := state.ManagedPolicies.Get(v, account, wanted)
	if !ok {
		return anyPolicy{}, awserr.NoSuchEntity("Policy %s was not found.", wanted)
	}
	return ofAccount(p), nil
}

// authorizedPolicy finds the policy that a request is about and authorizes the call for it.
func (s *Service) authorizedPolicy(ctx context.Context, arn *string) (*apigw.Call, *state.View, anyPolicy, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, nil, anyPolicy{}, err
	}
	p, err := findPolicy(v, call.Account, arn)
	if err != nil {
		return nil, nil, anyPolicy{}, err
	}
	return call, v, p, call.Authorize(policyResource(call.Account, *p.Arn, p.tags))
}

// changeable is authorizedPolicy for a change: AWS's own policies cannot be changed.
func (s *Service) changeable(ctx context.Context, arn *string) (*apigw.Call, anyPolicy, error) {
	call, _, p, err := s.authorizedPolicy(ctx, arn)
	if err == nil && strings.HasPrefix(*p.Arn, "arn:aws:iam::aws:") {
		err = awserr.AccessDenied(call.Principal.ARN, "iam:"+call.Action, "policy "+*p.Arn, "")
	}
	return call, p, err
}

// GetPolicy shows a managed policy, without its document.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html
func (s *Service) GetPolicy(ctx context.Context, in *sdk.GetPolicyInput) (*sdk.GetPolicyOutput, error) {
	call, v, p, err := s.authorizedPolicy(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	shown := p.show(v.PolicyUses(call.Account))
	return &sdk.GetPolicyOutput{Policy: &shown}, nil
}

// ListPolicies lists managed policies: the account's (Local), AWS's, or both.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html
func (s *Service) ListPolicies(ctx context.Context, in *sdk.ListPoliciesInput) (*sdk.ListPoliciesOutput, error) {
	prefix, err := checkPrefix(in.PathPrefix)
	if err != nil {
		return nil, err
	}
	if in.Scope != "" && !slices.Contains(in.Scope.Values(), in.Scope) {
		return nil, notOneOf("scope", string(in.Scope), in.Scope.Values())
	}
	if u := in.PolicyUsageFilter; u != "" && !slices.Contains(u.Values(), u) {
		return nil, notOneOf("policyUsageFilter", string(u), u.Values())
	}
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var rows []types.Policy
	uses := v.PolicyUses(call.Account)
	for _, p := range policiesIn(v, call.Account, in.Scope) {
		shown := p.show(uses)
		shown.Description, shown.Tags = nil, nil
		used := *shown.AttachmentCount > 0 || *shown.PermissionsBoundaryUsageCount > 0
		switch {
		case !strings.HasPrefix(*shown.Path, prefix), in.OnlyAttached && !used,
			in.PolicyUsageFilter == types.PolicyUsageTypePermissionsPolicy && *shown.AttachmentCount == 0,
			in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary && *shown.PermissionsBoundaryUsageCount == 0:
			continue
		}
		rows = append(rows, shown)
	}
	out := &sdk.ListPoliciesOutput{}
	out.Policies, out.Marker, err = listed(call, rows, func(p types.Policy) string { return *p.Arn }, in.MaxItems, in.Marker, func(p types.Policy) types.Policy { return p })
	out.IsTruncated = out.Marker != nil
	return out, err
}

// notOneOf is IAM's refusal of a word that is none of those there are.
func notOneOf[E ~string](field, value string, values []E) error {
	var words []string
	for _, v := range values {
		words = append(words, string(v))
	}
	return awserr.ValidationError("1 validation error detected: Value '%.64s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", value, field, strings.Join(words, ", "))
}

// policiesIn are the policies of a scope, in the order of their ARNs.
func policiesIn(v *state.View, account string, scope types.PolicyScopeType) []anyPolicy {
	var out []anyPolicy
	if scope != types.PolicyScopeTypeAws {
		for p := range state.ManagedPolicies.Of(v, account) {
			out = append(out, ofAccount(p))
		}
	}
	if scope != types.PolicyScopeTypeLocal {
		for _, p := range managed.All() {
			out = append(out, ofAWS(p))
		}
	}
	slices.SortFunc(out, func(a, b anyPolicy) int { return strings.Compare(*a.Arn, *b.Arn) })
	return out
}

// DeletePolicy removes a managed policy that is attached to nothing.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
func (s *Service) DeletePolicy(ctx context.Context, in *sdk.DeletePolicyInput) (*sdk.DeletePolicyOutput, error) {
	call, p, err := s.changeable(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &sdk.DeletePolicyOutput{}, s.change(ctx, command.DeleteManagedPolicy{AccountID: call.Account, ARN: *p.Arn}, nil)
}

// CreatePolicyVersion adds a version to a managed policy, which has five at most.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html
func (s *Service) CreatePolicyVersion(ctx context.Context, in *sdk.CreatePolicyVersionInput) (*sdk.CreatePolicyVersionOutput, error) {
	text, err := checkDocument(policy.Identity, "policyDocument", in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	call, p, err := s.changeable(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	var id string
	if err := s.change(ctx, command.CreatePolicyVersion{AccountID: call.Account, ARN: *p.Arn, Document: text, SetDefault: in.SetAsDefault}, &id); err != nil {
		return nil, err
	}
	return &sdk.CreatePolicyVersionOutput{PolicyVersion: &types.PolicyVersion{VersionId: &id, IsDefaultVersion: in.SetAsDefault, CreateDate: aws.Time(call.Time.UTC())}}, nil
}

// version finds a version of a policy.
func (p anyPolicy) version(id *string) (state.PolicyVersion, error) {
	if id == nil || *id == "" {
		return state.PolicyVersion{}, null("versionId")
	}
	at := slices.IndexFunc(p.versions, func(v state.PolicyVersion) bool { return v.ID == *id })
	if at < 0 {
		return state.PolicyVersion{}, awserr.NoSuchEntity("Policy %s version %.32s does not exist or is not attachable.", *p.Arn, *id)
	}
	return p.versions[at], nil
}

func (p anyPolicy) showVersion(v state.PolicyVersion, document bool) types.PolicyVersion {
	out := types.PolicyVersion{VersionId: aws.String(v.ID), IsDefaultVersion: v.ID == *p.DefaultVersionId, CreateDate: aws.Time(v.Created.Std())}
	if document {
		out.Document = encode(v.Document)
	}
	return out
}

// GetPolicyVersion shows a version with its document.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html
func (s *Service) GetPolicyVersion(ctx context.Context, in *sdk.GetPolicyVersionInput) (*sdk.GetPolicyVersionOutput, error) {
	_, _, p, err := s.authorizedPolicy(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	shown := p.showVersion(v, true)
	return &sdk.GetPolicyVersionOutput{PolicyVersion: &shown}, nil
}

// ListPolicyVersions lists the versions of a managed policy, the newest first.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html
func (s *Service) ListPolicyVersions(ctx context.Context, in *sdk.ListPolicyVersionsInput) (*sdk.ListPolicyVersionsOutput, error) {
	call, _, p, err := s.authorizedPolicy(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	newest := func(v state.PolicyVersion) string { // pages go by the order of ids, and v10 is newer than v9
		number, _ := strconv.Atoi(strings.TrimPrefix(v.ID, "v"))
		return fmt.Sprintf("%010d", math.MaxInt32-number)
	}
	out := &sdk.ListPolicyVersionsOutput{}
	out.Versions, out.Marker, err = listed(call, p.versions, newest, in.MaxItems, in.Marker, func(v state.PolicyVersion) types.PolicyVersion { return p.showVersion(v, false) })
	out.IsTruncated = out.Marker != nil
	return out, err
}

// SetDefaultPolicyVersion puts a version in force, wherever the policy is attached.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, in *sdk.SetDefaultPolicyVersionInput) (*sdk.SetDefaultPolicyVersionOutput, error) {
	call, p, err := s.changeable(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	return &sdk.SetDefaultPolicyVersionOutput{}, s.change(ctx, command.SetDefaultPolicyVersion{AccountID: call.Account, ARN: *p.Arn, Version: v.ID}, nil)
}

// DeletePolicyVersion removes a version that is not in force.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html
func (s *Service) DeletePolicyVersion(ctx context.Context, in *sdk.DeletePolicyVersionInput) (*sdk.DeletePolicyVersionOutput, error) {
	call, p, err := s.changeable(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	return &sdk.DeletePolicyVersionOutput{}, s.change(ctx, command.DeletePolicyVersion{AccountID: call.Account, ARN: *p.Arn, Version: v.ID}, nil)
}

// ListEntitiesForPolicy lists who a managed policy is attached to, or whose boundary it is.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
func (s *Service) ListEntitiesForPolicy(ctx context.Context, in *sdk.ListEntitiesForPolicyInput) (*sdk.ListEntitiesForPolicyOutput, error) {
	prefix, err := checkPrefix(in.PathPrefix)
	if err != nil {
		return nil, err
	}
	call, v, p, err := s.authorizedPolicy(ctx, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	if f := in.EntityFilter; f != "" && !slices.Contains(f.Values(), f) {
		return nil, notOneOf("entityFilter", string(f), f.Values())
	}
	boundary := in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary
	has := func(attached []string, bound string) bool {
		return !boundary && slices.Contains(attached, *p.Arn) || (boundary || in.PolicyUsageFilter == "") && bound == *p.Arn
	}
	rows := entities(v, call.Account, prefix, in.EntityFilter, has)
	rows, next, err := listed(call, rows, func(e entity) string { return e.order }, in.MaxItems, in.Marker, func(e entity) entity { return e })
	out := &sdk.ListEntitiesForPolicyOutput{Marker: next, IsTruncated: next != nil, PolicyGroups: []types.PolicyGroup{}, PolicyUsers: []types.PolicyUser{}, PolicyRoles: []types.PolicyRole{}}
	for _, e := range rows {
		switch {
		case e.group != nil:
			out.PolicyGroups = append(out.PolicyGroups, types.PolicyGroup{GroupName: aws.String(e.group.Name), GroupId: aws.String(e.group.ID)})
		case e.user != nil:
			out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserName: aws.String(e.user.Name), UserId: aws.String(e.user.ID)})
		default:
			out.PolicyRoles = append(out.PolicyRoles, types.PolicyRole{RoleName: aws.String(e.role.Name), RoleId: aws.String(e.role.ID)})
		}
	}
	return out, err
}

// entity is a group, user or role in one list.
type entity struct {
	order string
	group *state.IAMGroup
	user  *state.User
	role  *state.Role
}

func entities(v *state.View, account, prefix string, filter types.EntityType, has func(attached []string, boundary string) bool) []entity {
	var out []entity
	wanted := func(t types.EntityType) bool { return filter == "" || filter == t }
	for _, g := range under(v, account, prefix, state.IAMGroups, func(g *state.IAMGroup) string { return g.Path }) {
		if wanted(types.EntityTypeGroup) && has(g.Attached, "") {
			out = append(out, entity{order: "1" + g.Name, group: g})
		}
	}
	for _, r := range under(v, account, prefix, state.Roles, func(r *state.Role) string { return r.Path }) {
		if wanted(types.EntityTypeRole) && has(r.Attached, r.Boundary) {
			out = append(out, entity{order: "2" + r.Name, role: r})
		}
	}
	for _, u := range under(v, account, prefix, state.Users, func(u *state.User) string { return u.Path }) {
		if wanted(types.EntityTypeUser) && !u.Root && has(u.AttachedTo(), u.Boundary) {
			out = append(out, entity{order: "3" + u.Name, user: u})
		}
	}
	return out
}
