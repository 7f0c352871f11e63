// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// anyProtocol is the protocol of a rule for all traffic; such a rule has no ports.
const anyProtocol = "-1"

// group is a security group as DescribeSecurityGroups shows it.
func (r rows) group(g *state.SecurityGroup) types.SecurityGroup {
	return types.SecurityGroup{
		GroupId: aws.String(g.ID), GroupName: aws.String(g.Name), Description: aws.String(g.Description), OwnerId: aws.String(g.AccountID),
		VpcId: aws.String(g.VPCID), SecurityGroupArn: r.arn("security-group", g.ID), Tags: r.tags(g.ID),
		IpPermissions: r.permissions(g, false), IpPermissionsEgress: r.permissions(g, true),
	}
}

// permissions folds rules of the same protocol and ports into one entry, as DescribeSecurityGroups does.
func (r rows) permissions(g *state.SecurityGroup, egress bool) []types.IpPermission {
	out := []types.IpPermission{}
	for _, rule := range g.Rules {
		if rule.Egress != egress {
			continue
		}
		p := types.IpPermission{IpProtocol: aws.String(rule.Protocol), IpRanges: []types.IpRange{}, Ipv6Ranges: []types.Ipv6Range{},
			PrefixListIds: []types.PrefixListId{}, UserIdGroupPairs: []types.UserIdGroupPair{}}
		if rule.Protocol != anyProtocol {
			p.FromPort, p.ToPort = aws.Int32(int32(rule.FromPort)), aws.Int32(int32(rule.ToPort))
		}
		at := slices.IndexFunc(out, func(o types.IpPermission) bool { return samePorts(o, p) })
		if at < 0 {
			out = append(out, p)
			at = len(out) - 1
		}
		if rule.GroupID != "" {
			out[at].UserIdGroupPairs = append(out[at].UserIdGroupPairs, types.UserIdGroupPair{
				GroupId: aws.String(rule.GroupID), UserId: aws.String(g.AccountID), Description: optional(rule.Description)})
			continue
		}
		out[at].IpRanges = append(out[at].IpRanges, types.IpRange{CidrIp: aws.String(rule.CIDR), Description: optional(rule.Description)})
	}
	return out
}

func samePorts(a, b types.IpPermission) bool {
	return valueOf(a.IpProtocol) == valueOf(b.IpProtocol) && valueOr(a.FromPort, -1) == valueOr(b.FromPort, -1) && valueOr(a.ToPort, -1) == valueOr(b.ToPort, -1)
}

// rule is a rule as DescribeSecurityGroupRules shows it: ports are -1 for all traffic.
func (r rows) rule(g *state.SecurityGroup, rule *state.SecurityRule) types.SecurityGroupRule {
	out := types.SecurityGroupRule{
		SecurityGroupRuleId: aws.String(rule.ID), SecurityGroupRuleArn: r.arn("security-group-rule", rule.ID), GroupId: aws.String(g.ID),
		GroupOwnerId: aws.String(g.AccountID), IsEgress: aws.Bool(rule.Egress), IpProtocol: aws.String(rule.Protocol),
		FromPort: aws.Int32(-1), ToPort: aws.Int32(-1), Description: optional(rule.Description), CidrIpv4: optional(rule.CIDR), Tags: r.tags(rule.ID),
	}
	if rule.Protocol != anyProtocol {
		out.FromPort, out.ToPort = aws.Int32(int32(rule.FromPort)), aws.Int32(int32(rule.ToPort))
	}
	if rule.GroupID != "" {
		out.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: aws.String(rule.GroupID), UserId: aws.String(g.AccountID), VpcId: aws.String(g.VPCID)}
	}
	return out
}
