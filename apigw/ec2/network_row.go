// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// reservedAddresses are the first four and the last address of every subnet, which AWS keeps for itself.
const reservedAddresses = 5

// arn is the Amazon resource name of one of the account's EC2 resources.
func (r rows) arn(kind, id string) *string {
	return aws.String("arn:" + r.region.Partition + ":ec2:" + r.region.Name + ":" + r.account + ":" + kind + "/" + id)
}

// vpc is a VPC as DescribeVpcs shows it.
func (r rows) vpc(v *state.VPC) types.Vpc {
	return types.Vpc{
		VpcId: aws.String(v.ID), OwnerId: aws.String(v.AccountID), CidrBlock: aws.String(v.CIDR), DhcpOptionsId: optional(v.DHCPOptionsID),
		InstanceTenancy: types.TenancyDefault, IsDefault: aws.Bool(v.Default), State: types.VpcStateAvailable, Tags: r.tags(v.ID),
		CidrBlockAssociationSet: []types.VpcCidrBlockAssociation{{
			AssociationId: aws.String(v.AssociationID), CidrBlock: aws.String(v.CIDR),
			CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated},
		}},
		BlockPublicAccessStates: &types.BlockPublicAccessStates{InternetGatewayBlockMode: types.BlockPublicAccessModeOff},
	}
}

// subnet is a subnet as DescribeSubnets shows it.
func (r rows) subnet(s *state.Subnet) types.Subnet {
	return types.Subnet{
		SubnetId: aws.String(s.ID), SubnetArn: r.arn("subnet", s.ID), OwnerId: aws.String(s.AccountID), VpcId: aws.String(s.VPCID),
		CidrBlock: aws.String(s.CIDR), AvailabilityZone: aws.String(s.Zone), AvailabilityZoneId: optional(r.zoneID(s.Zone)),
		AvailableIpAddressCount: aws.Int32(r.freeAddresses(s)), DefaultForAz: aws.Bool(s.DefaultForAZ), MapPublicIpOnLaunch: aws.Bool(s.MapPublicIP),
		State: types.SubnetStateAvailable, AssignIpv6AddressOnCreation: aws.Bool(false), EnableDns64: aws.Bool(false), Ipv6Native: aws.Bool(false),
		MapCustomerOwnedIpOnLaunch: aws.Bool(false), Ipv6CidrBlockAssociationSet: []types.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &types.PrivateDnsNameOptionsOnLaunch{HostnameType: types.HostnameTypeIpName,
			EnableResourceNameDnsARecord: aws.Bool(false), EnableResourceNameDnsAAAARecord: aws.Bool(false)},
		BlockPublicAccessStates: &types.BlockPublicAccessStates{InternetGatewayBlockMode: types.BlockPublicAccessModeOff},
		Tags:                    r.tags(s.ID),
	}
}

// freeAddresses is how many addresses of the subnet no interface has.
func (r rows) freeAddresses(s *state.Subnet) int32 {
	prefix, err := netip.ParsePrefix(s.CIDR)
	if err != nil {
		return 0
	}
	free := int32(1)<<(32-prefix.Bits()) - reservedAddresses
	for range state.NetworkInterfaces.List(r.view, state.BySubnet, s.ID) {
		free--
	}
	return max(free, 0)
}

// eni is an interface as DescribeNetworkInterfaces shows it.
func (r rows) eni(n *state.NetworkInterface) types.NetworkInterface {
	address := types.NetworkInterfacePrivateIpAddress{Primary: aws.Bool(true), PrivateIpAddress: optional(n.PrivateIP), PrivateDnsName: optional(r.privateName(n.PrivateIP))}
	if n.PublicIP != "" {
		address.Association = &types.NetworkInterfaceAssociation{IpOwnerId: aws.String(aliasAmazon), PublicIp: aws.String(n.PublicIP)}
	}
	out := types.NetworkInterface{
		NetworkInterfaceId: aws.String(n.ID), OwnerId: aws.String(n.AccountID), MacAddress: aws.String(n.MAC), Description: aws.String(n.Description),
		VpcId: aws.String(n.VPCID), SubnetId: aws.String(n.SubnetID), AvailabilityZone: aws.String(n.Zone), AvailabilityZoneId: optional(r.zoneID(n.Zone)),
		PrivateIpAddress: address.PrivateIpAddress, PrivateDnsName: address.PrivateDnsName, Association: address.Association,
		PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{address}, Ipv6Addresses: []types.NetworkInterfaceIpv6Address{},
		Groups: r.groups(n.Groups), SourceDestCheck: aws.Bool(n.SourceDestCheck), Status: types.NetworkInterfaceStatus(n.Status),
		InterfaceType: types.NetworkInterfaceTypeInterface, RequesterManaged: aws.Bool(false), Operator: unmanaged(), TagSet: append([]types.Tag{}, r.tags(n.ID)...),
	}
	if n.InstanceID != "" {
		out.Attachment = r.eniAttachment(n)
	}
	return out
}

func (r rows) eniAttachment(n *state.NetworkInterface) *types.NetworkInterfaceAttachment {
	status := types.AttachmentStatusAttached
	if i, ok := state.Instances.Get(r.view, n.AccountID, n.InstanceID); ok {
		status = interfaceAttachment(i.State)
	}
	return &types.NetworkInterfaceAttachment{
		AttachmentId: aws.String(n.AttachmentID), InstanceId: aws.String(n.InstanceID), InstanceOwnerId: aws.String(n.AccountID),
		DeviceIndex: aws.Int32(int32(n.DeviceIndex)), NetworkCardIndex: aws.Int32(0), DeleteOnTermination: aws.Bool(n.DeleteOnTermination),
		AttachTime: timeOf(n.Attached), Status: status,
	}
}
