// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

// Quotas of an account that no command changes.
const (
	quotaGroupsPerInterface = 5
	quotaElasticIPs         = 5
	quotaVPCElasticIPs      = 20
)

var accountMembers = apigw.Members{"DescribeAccountAttributes": {"AttributeNames"}}

// accountAttributes are the attributes in the order of EC2's answer. max-instances is the quota of vCPUs, which no
// number of instances can exceed.
var accountAttributes = []struct {
	name string
	read func(*state.View, *state.Account) string
}{
	{"supported-platforms", func(*state.View, *state.Account) string { return "VPC" }},
	{"vpc-max-security-groups-per-interface", func(*state.View, *state.Account) string { return strconv.Itoa(quotaGroupsPerInterface) }},
	{"max-elastic-ips", func(*state.View, *state.Account) string { return strconv.Itoa(quotaElasticIPs) }},
	{"max-instances", maxInstances},
	{"vpc-max-elastic-ips", func(*state.View, *state.Account) string { return strconv.Itoa(quotaVPCElasticIPs) }},
	{"default-vpc", defaultVPC},
}

func maxInstances(v *state.View, _ *state.Account) string {
	quota := v.SettingInt(state.SettingVCPUs)
	if quota <= 0 { // no quota
		quota = math.MaxInt32
	}
	return strconv.Itoa(quota)
}

func defaultVPC(_ *state.View, a *state.Account) string {
	if a.DefaultVPC == "" {
		return "none"
	}
	return a.DefaultVPC
}

// DescribeAccountAttributes tells what the account has and may have.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html
func (s *Service) DescribeAccountAttributes(ctx context.Context, in *sdk.DescribeAccountAttributesInput) (*sdk.DescribeAccountAttributesOutput, error) {
	call := apigw.CallFrom(ctx)
	for _, name := range in.AttributeNames {
		if !slices.ContainsFunc(accountAttributeNames(), func(known string) bool { return known == string(name) }) {
			return nil, awserr.InvalidParameterValue("Value (%.128s) for parameter attributeName is invalid. Unknown account attribute.", name)
		}
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	account, ok := state.Accounts.Get(v, call.Account, call.Account)
	if !ok {
		return nil, awserr.New("OptInRequired", "You are not subscribed to this service.")
	}
	out := &sdk.DescribeAccountAttributesOutput{AccountAttributes: []types.AccountAttribute{}}
	for _, a := range accountAttributes {
		if len(in.AttributeNames) > 0 && !slices.Contains(in.AttributeNames, types.AccountAttributeName(a.name)) {
			continue
		}
		out.AccountAttributes = append(out.AccountAttributes, types.AccountAttribute{AttributeName: aws.String(a.name),
			AttributeValues: []types.AccountAttributeValue{{AttributeValue: aws.String(a.read(v, account))}}})
	}
	return out, nil
}

func accountAttributeNames() []string {
	var out []string
	for _, a := range accountAttributes {
		out = append(out, a.name)
	}
	return out
}
