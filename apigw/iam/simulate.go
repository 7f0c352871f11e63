// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/fsm/state"
)

var entityARN = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:(user|group|role)(/[!-\x7e]+)$`)

// question is what both simulators are asked.
type question struct {
	actions, resources    []string
	policies, boundary    []string
	resourcePolicy, owner *string
	callerARN             *string
	context               []types.ContextEntry
	maxItems              *int32
	marker                *string
}

// source is whose policies are simulated: what it holds, and who it is when it calls. A group calls nobody.
type source struct {
	resource apigw.Resource
	held     authz.Holdings
	caller   apigw.Principal
}

// findSource finds a user, group or role of the account by its ARN.
func (s *Service) findSource(v *state.View, call *apigw.Call, arn *string) (source, error) {
	if arn == nil || *arn == "" {
		return source{}, null("policySourceArn")
	}
	parts := entityARN.FindStringSubmatch(*arn)
	if parts == nil {
		return source{}, awserr.New("InvalidInput", "Invalid Entity Arn: %s does not clearly define entity type and name.", *arn)
	}
	name := parts[2][strings.LastIndexByte(parts[2], '/')+1:]
	var out source
	var err error
	switch parts[1] {
	case "user":
		if u, ok := state.Users.Get(v, call.Account, state.UserKey(call.Account, name)); ok && !u.Root && u.ARN() == *arn {
			out.resource, out.caller = userResource(u), apigw.Principal{AccountID: u.AccountID, ARN: u.ARN(), UserID: u.ID, UserName: u.Name, Type: apigw.PrincipalUser}
			out.held, err = s.policies.OfUser(v, u)
			return out, err
		}
	case "group":
		if g, ok := state.IAMGroups.Get(v, call.Account, state.IAMGroupKey(call.Account, name)); ok && g.ARN() == *arn {
			out.resource, out.caller = groupResource(g), apigw.Principal{AccountID: g.AccountID}
			out.held, err = s.policies.OfGroup(v, g)
			return out, err
		}
	case "role":
		if r, ok := state.Roles.Get(v, call.Account, state.RoleKey(call.Account, name)); ok && r.ARN() == *arn {
			out.resource, out.caller = roleResource(r), apigw.Principal{AccountID: r.AccountID, ARN: r.ARN(), UserID: r.ID, Type: apigw.PrincipalAssumedRole}
			out.held, err = s.policies.OfRole(v, r)
			return out, err
		}
	}
	return source{}, awserr.NoSuchEntity("The %s with name %s cannot be found.", parts[1], name)
}

// SimulatePrincipalPolicy says what a user, group or role may do, and which statements decide it.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, in *sdk.SimulatePrincipalPolicyInput) (*sdk.SimulatePrincipalPolicyOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	from, err := s.findSource(v, call, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(from.resource); err != nil {
		return nil, err
	}
	out := &sdk.SimulatePrincipalPolicyOutput{}
	out.EvaluationResults, out.Marker, err = s.simulate(v, call, from, question{actions: in.ActionNames, resources: in.ResourceArns, policies: in.PolicyInputList,
		boundary: in.PermissionsBoundaryPolicyInputList, resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, callerARN: in.CallerArn, context: in.ContextEntries,
		maxItems: in.MaxItems, marker: in.Marker})
	out.IsTruncated = out.Marker != nil
	return out, err
}

// SimulateCustomPolicy says what given policies allow, and which statements decide it.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
func (s *Service) SimulateCustomPolicy(ctx context.Context, in *sdk.SimulateCustomPolicyInput) (*sdk.SimulateCustomPolicyOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.PolicyInputList) == 0 {
		return nil, null("policyInputList")
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	out := &sdk.SimulateCustomPolicyOutput{}
	out.EvaluationResults, out.Marker, err = s.simulate(v, call, source{caller: apigw.Principal{AccountID: call.Account}}, question{actions: in.ActionNames, resources: in.ResourceArns, policies: in.PolicyInputList,
		boundary: in.PermissionsBoundaryPolicyInputList, resourcePolicy: in.ResourcePolicy, owner: in.ResourceOwner, callerARN: in.CallerArn, context: in.ContextEntries,
		maxItems: in.MaxItems, marker: in.Marker})
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (s *Service) simulate(v *state.View, call *apigw.Call, from source, q question) ([]types.EvaluationResult, *string, error) {
	if len(q.actions) == 0 {
		return nil, nil, null("actionNames")
	}
	for _, a := range q.actions {
		if service, name, ok := strings.Cut(a, ":"); !ok || service == "" || name == "" || strings.Contains(a, "*") {
			return nil, nil, awserr.New("InvalidInput", "Invalid Action Name: %.128s", a)
		}
	}
	held, err := authz.Custom(from.held, q.policies, q.boundary)
	if err != nil {
		return nil, nil, malformed(err)
	}
	run := authz.Simulation{Caller: from.caller, Held: held, Actions: q.actions, Resources: q.resources, Context: map[string][]string{}}
	if q.resourcePolicy != nil {
		if run.ResourcePolicy, err = policy.Parse(policy.Resource, *q.resourcePolicy); err != nil {
			return nil, nil, malformed(err)
		}
		if q.callerARN == nil && from.caller.ARN == "" {
			return nil, nil, awserr.New("InvalidInput", "CallerArn is required when ResourcePolicy is specified and PolicySourceArn is not a user.")
		}
	}
	if q.callerARN != nil {
		caller, err := s.findSource(v, call, q.callerARN)
		if err != nil {
			return nil, nil, err
		}
		run.Caller = caller.caller
	}
	if q.owner != nil {
		account, _, _ := strings.Cut(strings.TrimPrefix(*q.owner, "arn:aws:iam::"), ":")
		run.ResourceOwner = account
	}
	for _, e := range q.context {
		if e.ContextKeyName == nil {
			return nil, nil, null("contextEntries.contextKeyName")
		}
		run.Context[*e.ContextKeyName] = e.ContextKeyValues
	}
	results := []result{}
	for i, r := range run.Run() {
		results = append(results, result{order: fmt.Sprintf("%06d", i), EvaluationResult: showResult(r)})
	}
	return listed(call, results, func(r result) string { return r.order }, q.maxItems, q.marker, func(r result) types.EvaluationResult { return r.EvaluationResult })
}

// result keeps the place of an answer among the others.
type result struct {
	order string
	types.EvaluationResult
}

func showResult(r authz.Simulated) types.EvaluationResult {
	out := types.EvaluationResult{EvalActionName: aws.String(r.Action), EvalResourceName: aws.String(r.Resource), EvalDecision: types.PolicyEvaluationDecisionType(r.Outcome),
		MatchedStatements: []types.Statement{}, MissingContextValues: append([]string{}, r.Missing...)}
	for _, m := range r.Matched {
		at := func(p policy.Position) *types.Position {
			return &types.Position{Line: int32(p.Line), Column: int32(p.Column)}
		}
		out.MatchedStatements = append(out.MatchedStatements, types.Statement{SourcePolicyId: aws.String(m.SourceID), SourcePolicyType: types.PolicySourceType(m.SourceType),
			StartPosition: at(m.Start), EndPosition: at(m.End)})
	}
	if r.BoundaryAllows != nil {
		out.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: *r.BoundaryAllows}
	}
	if r.OrganizationsAllow != nil {
		out.OrganizationsDecisionDetail = &types.OrganizationsDecisionDetail{AllowedByOrganizations: *r.OrganizationsAllow}
	}
	return out
}

// GetContextKeysForCustomPolicy lists the condition keys that given policies ask about.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html
func (s *Service) GetContextKeysForCustomPolicy(ctx context.Context, in *sdk.GetContextKeysForCustomPolicyInput) (*sdk.GetContextKeysForCustomPolicyOutput, error) {
	if len(in.PolicyInputList) == 0 {
		return nil, null("policyInputList")
	}
	if err := apigw.CallFrom(ctx).Authorize(); err != nil {
		return nil, err
	}
	names, err := contextKeys(authz.Holdings{}, in.PolicyInputList)
	return &sdk.GetContextKeysForCustomPolicyOutput{ContextKeyNames: names}, err
}

// GetContextKeysForPrincipalPolicy lists the condition keys that the policies of a user, group or role ask about.
// See https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForPrincipalPolicy.html
func (s *Service) GetContextKeysForPrincipalPolicy(ctx context.Context, in *sdk.GetContextKeysForPrincipalPolicyInput) (*sdk.GetContextKeysForPrincipalPolicyOutput, error) {
	call, v, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	from, err := s.findSource(v, call, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(from.resource); err != nil {
		return nil, err
	}
	names, err := contextKeys(from.held, in.PolicyInputList)
	return &sdk.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: names}, err
}

func contextKeys(base authz.Holdings, texts []string) ([]string, error) {
	held, err := authz.Custom(base, texts, nil)
	if err != nil {
		return nil, malformed(err)
	}
	out := []string{}
	for _, source := range held.Set.Identity {
		if source.Document != nil {
			out = append(out, source.Document.ContextKeys()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
