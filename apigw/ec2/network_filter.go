// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// vpcFilters are DescribeVpcs' filters, by the names of the API reference. There is no IPv6.
var vpcFilters = mergeFilters(map[string]func(types.Vpc) []string{
	"cidr":                                  func(v types.Vpc) []string { return some(valueOf(v.CidrBlock)) },
	"cidrBlock":                             func(v types.Vpc) []string { return some(valueOf(v.CidrBlock)) },
	"cidr-block":                            func(v types.Vpc) []string { return some(valueOf(v.CidrBlock)) },
	"cidr-block-association.cidr-block":     ofRanges(func(a types.VpcCidrBlockAssociation) string { return valueOf(a.CidrBlock) }),
	"cidr-block-association.association-id": ofRanges(func(a types.VpcCidrBlockAssociation) string { return valueOf(a.AssociationId) }),
	"cidr-block-association.state":          ofRanges(func(a types.VpcCidrBlockAssociation) string { return string(a.CidrBlockState.State) }),
	"dhcp-options-id":                       func(v types.Vpc) []string { return some(valueOf(v.DhcpOptionsId)) },
	"dhcpOptionsId":                         func(v types.Vpc) []string { return some(valueOf(v.DhcpOptionsId)) },
	"is-default":                            func(v types.Vpc) []string { return flag(valueOf(v.IsDefault)) },
	"isDefault":                             func(v types.Vpc) []string { return flag(valueOf(v.IsDefault)) },
	"owner-id":                              func(v types.Vpc) []string { return some(valueOf(v.OwnerId)) },
	"state":                                 func(v types.Vpc) []string { return some(string(v.State)) },
	"vpc-id":                                func(v types.Vpc) []string { return some(valueOf(v.VpcId)) },
}, absent[types.Vpc]("ipv6-cidr-block-association.ipv6-cidr-block", "ipv6-cidr-block-association.ipv6-pool",
	"ipv6-cidr-block-association.association-id", "ipv6-cidr-block-association.state"))

func ofRanges(read func(types.VpcCidrBlockAssociation) string) func(types.Vpc) []string {
	return func(v types.Vpc) []string { return each(v.CidrBlockAssociationSet, read) }
}

// subnetFilters are DescribeSubnets' filters, with the older spellings that the reference still names.
var subnetFilters = mergeFilters(map[string]func(types.Subnet) []string{
	"availability-zone":               subnetZone,
	"availabilityZone":                subnetZone,
	"availability-zone-id":            subnetZoneID,
	"availabilityZoneId":              subnetZoneID,
	"available-ip-address-count":      func(s types.Subnet) []string { return some(strconv.Itoa(int(valueOf(s.AvailableIpAddressCount)))) },
	"cidr-block":                      subnetRange,
	"cidr":                            subnetRange,
	"cidrBlock":                       subnetRange,
	"default-for-az":                  func(s types.Subnet) []string { return flag(valueOf(s.DefaultForAz)) },
	"defaultForAz":                    func(s types.Subnet) []string { return flag(valueOf(s.DefaultForAz)) },
	"enable-dns64":                    func(s types.Subnet) []string { return flag(valueOf(s.EnableDns64)) },
	"ipv6-native":                     func(s types.Subnet) []string { return flag(valueOf(s.Ipv6Native)) },
	"map-customer-owned-ip-on-launch": func(s types.Subnet) []string { return flag(valueOf(s.MapCustomerOwnedIpOnLaunch)) },
	"map-public-ip-on-launch":         func(s types.Subnet) []string { return flag(valueOf(s.MapPublicIpOnLaunch)) },
	"owner-id":                        func(s types.Subnet) []string { return some(valueOf(s.OwnerId)) },
	"private-dns-name-options-on-launch.hostname-type": func(s types.Subnet) []string {
		return some(string(s.PrivateDnsNameOptionsOnLaunch.HostnameType))
	},
	"private-dns-name-options-on-launch.enable-resource-name-dns-a-record":    func(types.Subnet) []string { return flag(false) },
	"private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": func(types.Subnet) []string { return flag(false) },
	"state":      func(s types.Subnet) []string { return some(string(s.State)) },
	"subnet-arn": func(s types.Subnet) []string { return some(valueOf(s.SubnetArn)) },
	"subnet-id":  func(s types.Subnet) []string { return some(valueOf(s.SubnetId)) },
	"vpc-id":     func(s types.Subnet) []string { return some(valueOf(s.VpcId)) },
}, absent[types.Subnet]("customer-owned-ipv4-pool", "enable-lni-at-device-index", "ipv6-cidr-block-association.ipv6-cidr-block",
	"ipv6-cidr-block-association.association-id", "ipv6-cidr-block-association.state", "outpost-arn"))

func subnetZone(s types.Subnet) []string   { return some(valueOf(s.AvailabilityZone)) }
func subnetZoneID(s types.Subnet) []string { return some(valueOf(s.AvailabilityZoneId)) }
func subnetRange(s types.Subnet) []string  { return some(valueOf(s.CidrBlock)) }

// eniFilters are DescribeNetworkInterfaces' filters.
var eniFilters = mergeFilters(map[string]func(types.NetworkInterface) []string{
	"addresses.association.owner-id":  func(n types.NetworkInterface) []string { return some(valueOf(valueOf(n.Association).IpOwnerId)) },
	"addresses.association.public-ip": func(n types.NetworkInterface) []string { return some(valueOf(valueOf(n.Association).PublicIp)) },
	"addresses.primary":               ofPrivate(func(a types.NetworkInterfacePrivateIpAddress) string { return strconv.FormatBool(valueOf(a.Primary)) }),
	"addresses.private-ip-address":    ofPrivate(func(a types.NetworkInterfacePrivateIpAddress) string { return valueOf(a.PrivateIpAddress) }),
	"association.ip-owner-id":         func(n types.NetworkInterface) []string { return some(valueOf(valueOf(n.Association).IpOwnerId)) },
	"association.public-ip":           func(n types.NetworkInterface) []string { return some(valueOf(valueOf(n.Association).PublicIp)) },
	"availability-zone":               func(n types.NetworkInterface) []string { return some(valueOf(n.AvailabilityZone)) },
	"availability-zone-id":            func(n types.NetworkInterface) []string { return some(valueOf(n.AvailabilityZoneId)) },
	"description":                     func(n types.NetworkInterface) []string { return some(valueOf(n.Description)) },
	"group-id":                        func(n types.NetworkInterface) []string { return each(n.Groups, groupID) },
	"group-name":                      func(n types.NetworkInterface) []string { return each(n.Groups, groupName) },
	"interface-type":                  func(n types.NetworkInterface) []string { return some(string(n.InterfaceType)) },
	"mac-address":                     func(n types.NetworkInterface) []string { return some(valueOf(n.MacAddress)) },
	"network-interface-id":            func(n types.NetworkInterface) []string { return some(valueOf(n.NetworkInterfaceId)) },
	"operator.managed":                func(types.NetworkInterface) []string { return flag(false) },
	"owner-id":                        func(n types.NetworkInterface) []string { return some(valueOf(n.OwnerId)) },
	"private-dns-name":                func(n types.NetworkInterface) []string { return some(valueOf(n.PrivateDnsName)) },
	"private-ip-address":              func(n types.NetworkInterface) []string { return some(valueOf(n.PrivateIpAddress)) },
	"requester-managed":               func(types.NetworkInterface) []string { return flag(false) },
	"source-dest-check":               func(n types.NetworkInterface) []string { return flag(valueOf(n.SourceDestCheck)) },
	"status":                          func(n types.NetworkInterface) []string { return some(string(n.Status)) },
	"subnet-id":                       func(n types.NetworkInterface) []string { return some(valueOf(n.SubnetId)) },
	"vpc-id":                          func(n types.NetworkInterface) []string { return some(valueOf(n.VpcId)) },
}, eniAttachmentFilters, absent[types.NetworkInterface](
	// Elastic addresses, IPv6, public names and interfaces of other services: none exist here.
	"association.allocation-id", "association.association-id", "association.public-dns-name", "ipv6-addresses.ipv6-address",
	"operator.principal", "requester-id",
))

var eniAttachmentFilters = map[string]func(types.NetworkInterface) []string{
	"attachment.attach-time":   ofHold(func(a types.NetworkInterfaceAttachment) string { return stamp(a.AttachTime) }),
	"attachment.attachment-id": ofHold(func(a types.NetworkInterfaceAttachment) string { return valueOf(a.AttachmentId) }),
	"attachment.delete-on-termination": ofHold(func(a types.NetworkInterfaceAttachment) string {
		return strconv.FormatBool(valueOf(a.DeleteOnTermination))
	}),
	"attachment.device-index":      ofHold(func(a types.NetworkInterfaceAttachment) string { return strconv.Itoa(int(valueOf(a.DeviceIndex))) }),
	"attachment.instance-id":       ofHold(func(a types.NetworkInterfaceAttachment) string { return valueOf(a.InstanceId) }),
	"attachment.instance-owner-id": ofHold(func(a types.NetworkInterfaceAttachment) string { return valueOf(a.InstanceOwnerId) }),
	"attachment.status":            ofHold(func(a types.NetworkInterfaceAttachment) string { return string(a.Status) }),
}

// ofHold reads the attachment of an interface; one that is not attached has no values.
func ofHold(read func(types.NetworkInterfaceAttachment) string) func(types.NetworkInterface) []string {
	return func(n types.NetworkInterface) []string {
		if n.Attachment == nil {
			return nil
		}
		return some(read(*n.Attachment))
	}
}

func ofPrivate(read func(types.NetworkInterfacePrivateIpAddress) string) func(types.NetworkInterface) []string {
	return func(n types.NetworkInterface) []string { return each(n.PrivateIpAddresses, read) }
}
