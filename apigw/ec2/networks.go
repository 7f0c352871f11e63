// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

var networkMembers = apigw.Members{
	"DescribeVpcs":              {"VpcIds", "Filters.*", "MaxResults", "NextToken"},
	"DescribeVpcAttribute":      {"VpcId", "Attribute"},
	"DescribeSubnets":           {"SubnetIds", "Filters.*", "MaxResults", "NextToken"},
	"DescribeNetworkInterfaces": {"NetworkInterfaceIds", "Filters.*", "MaxResults", "NextToken", "IncludeManagedResources"},
}

var describedVPCs = described[types.Vpc]{
	id:      func(v types.Vpc) string { return valueOf(v.VpcId) },
	tags:    func(v types.Vpc) []types.Tag { return v.Tags },
	filters: vpcFilters,
	limits:  page.EC2,
}

// DescribeVpcs lists the account's VPCs.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
func (s *Service) DescribeVpcs(ctx context.Context, in *sdk.DescribeVpcsInput) (*sdk.DescribeVpcsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.VPC.Check(in.VpcIds...); err != nil {
		return nil, err
	}
	list, err := newListing(describedVPCs, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	vpcs, err := owned(v, call.Account, ids.VPC, state.VPCs, in.VpcIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	shown, next, err := list.cut(call, translate(vpcs, newRows(v, call.Account).vpc))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeVpcsOutput{Vpcs: shown, NextToken: next}, nil
}

// DescribeVpcAttribute shows one attribute of a VPC.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html
func (s *Service) DescribeVpcAttribute(ctx context.Context, in *sdk.DescribeVpcAttributeInput) (*sdk.DescribeVpcAttributeOutput, error) {
	call := apigw.CallFrom(ctx)
	id := valueOf(in.VpcId)
	switch {
	case id == "":
		return nil, awserr.MissingParameter("VpcId")
	case in.Attribute == "":
		return nil, awserr.MissingParameter("Attribute")
	}
	if err := firstError(ids.VPC.Check(id), checkEnum("Attribute", in.Attribute)); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	row, ok := state.VPCs.Get(v, call.Account, id)
	if !ok {
		return nil, ids.VPC.Missing(id)
	}
	if err := call.Authorize(resource(call, v, types.ResourceTypeVpc, id)); err != nil {
		return nil, err
	}
	out := &sdk.DescribeVpcAttributeOutput{VpcId: aws.String(id)}
	switch in.Attribute {
	case types.VpcAttributeNameEnableDnsSupport:
		out.EnableDnsSupport = &types.AttributeBooleanValue{Value: aws.Bool(row.DNSSupport)}
	case types.VpcAttributeNameEnableDnsHostnames:
		out.EnableDnsHostnames = &types.AttributeBooleanValue{Value: aws.Bool(row.DNSHostnames)}
	case types.VpcAttributeNameEnableNetworkAddressUsageMetrics:
		out.EnableNetworkAddressUsageMetrics = &types.AttributeBooleanValue{Value: aws.Bool(row.AddressMetrics)}
	}
	return out, nil
}

var describedSubnets = described[types.Subnet]{
	id:      func(s types.Subnet) string { return valueOf(s.SubnetId) },
	tags:    func(s types.Subnet) []types.Tag { return s.Tags },
	filters: subnetFilters,
	limits:  page.EC2,
}

// DescribeSubnets lists the account's subnets.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
func (s *Service) DescribeSubnets(ctx context.Context, in *sdk.DescribeSubnetsInput) (*sdk.DescribeSubnetsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.Subnet.Check(in.SubnetIds...); err != nil {
		return nil, err
	}
	list, err := newListing(describedSubnets, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	subnets, err := owned(v, call.Account, ids.Subnet, state.Subnets, in.SubnetIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	shown, next, err := list.cut(call, translate(subnets, newRows(v, call.Account).subnet))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeSubnetsOutput{Subnets: shown, NextToken: next}, nil
}

var describedInterfaces = described[types.NetworkInterface]{
	id:      func(n types.NetworkInterface) string { return valueOf(n.NetworkInterfaceId) },
	tags:    func(n types.NetworkInterface) []types.Tag { return n.TagSet },
	filters: eniFilters,
	limits:  page.EC2,
}

// DescribeNetworkInterfaces lists the account's interfaces.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
func (s *Service) DescribeNetworkInterfaces(ctx context.Context, in *sdk.DescribeNetworkInterfacesInput) (*sdk.DescribeNetworkInterfacesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.NetworkInterface.Check(in.NetworkInterfaceIds...); err != nil {
		return nil, err
	}
	exclusive := "" // ids and a page size exclude each other here, as AWS documents
	if len(in.NetworkInterfaceIds) > 0 {
		exclusive = "networkInterfaceIdSet"
	}
	list, err := newListing(describedInterfaces, in.Filters, pageOf(in.MaxResults, in.NextToken, exclusive))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	interfaces, err := owned(v, call.Account, ids.NetworkInterface, state.NetworkInterfaces, in.NetworkInterfaceIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	shown, next, err := list.cut(call, translate(interfaces, newRows(v, call.Account).eni))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeNetworkInterfacesOutput{NetworkInterfaces: shown, NextToken: next}, nil
}
