// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// describedGroup is a security group with its description: what filters look at.
type describedGroup struct {
	row   *state.SecurityGroup
	sdk   types.SecurityGroup
	names map[string]string // names of the groups that rules refer to, by id
}

// groupFilters are DescribeSecurityGroups' filters, by the names of the API reference: those of the group, and the same
// set for the rules of either direction.
var groupFilters = mergeFilters(map[string]func(describedGroup) []string{
	"description": func(g describedGroup) []string { return some(g.row.Description) },
	"group-id":    func(g describedGroup) []string { return some(g.row.ID) },
	"group-name":  func(g describedGroup) []string { return some(g.row.Name) },
	"owner-id":    func(g describedGroup) []string { return some(g.row.AccountID) },
	"vpc-id":      func(g describedGroup) []string { return some(g.row.VPCID) },
}, permissionFilters("ip-permission.", false), permissionFilters("egress.ip-permission.", true))

func permissionFilters(prefix string, egress bool) map[string]func(describedGroup) []string {
	of := func(read func(g describedGroup, r state.SecurityRule) string) func(describedGroup) []string {
		return func(g describedGroup) []string {
			return each(g.row.Rules, func(r state.SecurityRule) string {
				if r.Egress != egress {
					return ""
				}
				return read(g, r)
			})
		}
	}
	port := func(r state.SecurityRule, n int) string {
		if r.Protocol == anyProtocol {
			return ""
		}
		return strconv.Itoa(n)
	}
	return mergeFilters(map[string]func(describedGroup) []string{
		prefix + "cidr":       of(func(_ describedGroup, r state.SecurityRule) string { return r.CIDR }),
		prefix + "from-port":  of(func(_ describedGroup, r state.SecurityRule) string { return port(r, r.FromPort) }),
		prefix + "to-port":    of(func(_ describedGroup, r state.SecurityRule) string { return port(r, r.ToPort) }),
		prefix + "group-id":   of(func(_ describedGroup, r state.SecurityRule) string { return r.GroupID }),
		prefix + "group-name": of(func(g describedGroup, r state.SecurityRule) string { return g.names[r.GroupID] }),
		prefix + "protocol":   of(func(_ describedGroup, r state.SecurityRule) string { return r.Protocol }),
		prefix + "user-id": of(func(g describedGroup, r state.SecurityRule) string {
			if r.GroupID == "" {
				return ""
			}
			return g.row.AccountID
		}),
	}, absent[describedGroup](prefix+"ipv6-cidr", prefix+"prefix-list-id"))
}

// ruleFilters are DescribeSecurityGroupRules' filters.
var ruleFilters = map[string]func(types.SecurityGroupRule) []string{
	"group-id":               func(r types.SecurityGroupRule) []string { return some(valueOf(r.GroupId)) },
	"security-group-rule-id": func(r types.SecurityGroupRule) []string { return some(valueOf(r.SecurityGroupRuleId)) },
}
