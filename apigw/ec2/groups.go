// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

var groupMembers = apigw.Members{
	"DescribeSecurityGroups":     {"GroupIds", "GroupNames", "Filters.*", "MaxResults", "NextToken"},
	"DescribeSecurityGroupRules": {"SecurityGroupRuleIds", "Filters.*", "MaxResults", "NextToken"},
}

var describedGroups = described[describedGroup]{
	id:      func(g describedGroup) string { return g.row.ID },
	tags:    func(g describedGroup) []types.Tag { return g.sdk.Tags },
	filters: groupFilters,
	limits:  page.EC2,
}

// DescribeSecurityGroups lists the account's security groups. Names are looked up in the default VPC, as AWS does.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html
func (s *Service) DescribeSecurityGroups(ctx context.Context, in *sdk.DescribeSecurityGroupsInput) (*sdk.DescribeSecurityGroupsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.SecurityGroup.Check(in.GroupIds...); err != nil {
		return nil, err
	}
	list, err := newListing(describedGroups, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := namedGroups(v, call.Account, in)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	rows, names := newRows(v, call.Account), map[string]string{}
	for g := range state.SecurityGroups.Of(v, call.Account) {
		names[g.ID] = g.Name
	}
	shown := translate(groups, func(g *state.SecurityGroup) describedGroup {
		return describedGroup{row: g, sdk: rows.group(g), names: names}
	})
	shown, next, err := list.cut(call, shown)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeSecurityGroupsOutput{SecurityGroups: translate(shown, func(g describedGroup) types.SecurityGroup { return g.sdk }), NextToken: next}, nil
}

// namedGroups are the groups that the caller names by id or by name, or all.
func namedGroups(v *state.View, account string, in *sdk.DescribeSecurityGroupsInput) ([]*state.SecurityGroup, error) {
	if len(in.GroupNames) == 0 {
		return owned(v, account, ids.SecurityGroup, state.SecurityGroups, in.GroupIds)
	}
	named, err := pick(ids.SecurityGroup, in.GroupNames, func(name string) (*state.SecurityGroup, bool) { return defaultVPCGroup(v, account, name) })
	if err != nil || len(in.GroupIds) == 0 {
		return named, err
	}
	byID, err := owned(v, account, ids.SecurityGroup, state.SecurityGroups, in.GroupIds)
	for _, g := range byID {
		if !slices.Contains(named, g) {
			named = append(named, g)
		}
	}
	return named, err
}

// defaultVPCGroup finds a group of the default VPC by name.
func defaultVPCGroup(v *state.View, account, name string) (*state.SecurityGroup, bool) {
	owner, ok := state.Accounts.Get(v, account, account)
	if !ok {
		return nil, false
	}
	for g := range state.SecurityGroups.List(v, state.ByVPC, owner.DefaultVPC) {
		if g.AccountID == account && g.Name == name {
			return g, true
		}
	}
	return nil, false
}

var describedRules = described[types.SecurityGroupRule]{
	id:      func(r types.SecurityGroupRule) string { return valueOf(r.SecurityGroupRuleId) },
	tags:    func(r types.SecurityGroupRule) []types.Tag { return r.Tags },
	filters: ruleFilters,
	limits:  page.EC2,
}

// DescribeSecurityGroupRules lists the rules of the account's security groups.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
func (s *Service) DescribeSecurityGroupRules(ctx context.Context, in *sdk.DescribeSecurityGroupRulesInput) (*sdk.DescribeSecurityGroupRulesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.SecurityRule.Check(in.SecurityGroupRuleIds...); err != nil {
		return nil, err
	}
	list, err := newListing(describedRules, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	rules, err := namedRules(v, call.Account, in.SecurityGroupRuleIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	rules, next, err := list.cut(call, rules)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeSecurityGroupRulesOutput{SecurityGroupRules: rules, NextToken: next}, nil
}

// namedRules are the rules that the caller names, or those of all the account's groups.
func namedRules(v *state.View, account string, wanted []string) ([]types.SecurityGroupRule, error) {
	rows := newRows(v, account)
	all, byID := []types.SecurityGroupRule{}, map[string]*types.SecurityGroupRule{}
	for g := range state.SecurityGroups.Of(v, account) {
		for _, r := range g.Rules {
			shown := rows.rule(g, &r)
			all = append(all, shown)
			byID[r.ID] = &shown
		}
	}
	if len(wanted) == 0 {
		return all, nil
	}
	found, err := pick(ids.SecurityRule, wanted, func(id string) (*types.SecurityGroupRule, bool) { r, ok := byID[id]; return r, ok })
	if err != nil {
		return nil, err
	}
	return translate(found, func(r *types.SecurityGroupRule) types.SecurityGroupRule { return *r }), nil
}
