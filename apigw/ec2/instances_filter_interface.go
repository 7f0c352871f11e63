// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// interfaceFilters are DescribeInstances' network-interface.* filters: any interface of the instance may match.
var interfaceFilters = instanceValues{
	"network-interface.network-interface-id": ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.NetworkInterfaceId)) }),
	"network-interface.availability-zone":    func(d *describedInstance) []string { return zoneOfInterfaces(d) },
	"network-interface.description":          ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.Description)) }),
	"network-interface.group-id":             ofInterfaces(func(n types.InstanceNetworkInterface) []string { return each(n.Groups, groupID) }),
	"network-interface.group-name":           ofInterfaces(func(n types.InstanceNetworkInterface) []string { return each(n.Groups, groupName) }),
	"network-interface.mac-address":          ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.MacAddress)) }),
	"network-interface.owner-id":             ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.OwnerId)) }),
	"network-interface.private-dns-name":     ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.PrivateDnsName)) }),
	"network-interface.private-ip-address":   ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.PrivateIpAddress)) }),
	"network-interface.source-dest-check":    ofInterfaces(func(n types.InstanceNetworkInterface) []string { return flag(valueOf(n.SourceDestCheck)) }),
	"network-interface.status":               ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(string(n.Status)) }),
	"network-interface.subnet-id":            ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.SubnetId)) }),
	"network-interface.vpc-id":               ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(valueOf(n.VpcId)) }),
	"network-interface.requester-managed":    ofInterfaces(func(types.InstanceNetworkInterface) []string { return flag(false) }),
	"network-interface.operator.managed":     ofInterfaces(func(types.InstanceNetworkInterface) []string { return flag(false) }),
	"network-interface.ipv6-native":          ofInterfaces(func(types.InstanceNetworkInterface) []string { return flag(false) }),
	"network-interface.deny-all-igw-traffic": ofInterfaces(func(types.InstanceNetworkInterface) []string { return flag(false) }),

	"network-interface.attachment.attachment-id": ofAttachments(func(a *types.InstanceNetworkInterfaceAttachment) string { return valueOf(a.AttachmentId) }),
	"network-interface.attachment.attach-time":   ofAttachments(func(a *types.InstanceNetworkInterfaceAttachment) string { return stamp(a.AttachTime) }),
	"network-interface.attachment.delete-on-termination": ofAttachments(func(a *types.InstanceNetworkInterfaceAttachment) string {
		return strconv.FormatBool(valueOf(a.DeleteOnTermination))
	}),
	"network-interface.attachment.device-index": ofAttachments(func(a *types.InstanceNetworkInterfaceAttachment) string {
		return strconv.Itoa(int(valueOf(a.DeviceIndex)))
	}),
	"network-interface.attachment.network-card-index": ofAttachments(func(a *types.InstanceNetworkInterfaceAttachment) string {
		return strconv.Itoa(int(valueOf(a.NetworkCardIndex)))
	}),
	"network-interface.attachment.status": ofAttachments(func(a *types.InstanceNetworkInterfaceAttachment) string { return string(a.Status) }),
	"network-interface.attachment.instance-id": func(d *describedInstance) []string {
		return each(d.sdk.NetworkInterfaces, func(types.InstanceNetworkInterface) string { return d.row.ID })
	},
	"network-interface.attachment.instance-owner-id": func(d *describedInstance) []string {
		return each(d.sdk.NetworkInterfaces, func(types.InstanceNetworkInterface) string { return d.row.AccountID })
	},

	"network-interface.association.public-ip":   ofInterfaces(func(n types.InstanceNetworkInterface) []string { return publicIP(n.Association) }),
	"network-interface.association.ip-owner-id": ofInterfaces(func(n types.InstanceNetworkInterface) []string { return addressOwner(n.Association) }),
	"network-interface.addresses.private-ip-address": ofAddresses(func(a types.InstancePrivateIpAddress) []string {
		return some(valueOf(a.PrivateIpAddress))
	}),
	"network-interface.addresses.private-dns-name":        ofAddresses(func(a types.InstancePrivateIpAddress) []string { return some(valueOf(a.PrivateDnsName)) }),
	"network-interface.addresses.primary":                 ofAddresses(func(a types.InstancePrivateIpAddress) []string { return flag(valueOf(a.Primary)) }),
	"network-interface.addresses.association.public-ip":   ofAddresses(func(a types.InstancePrivateIpAddress) []string { return publicIP(a.Association) }),
	"network-interface.addresses.association.ip-owner-id": ofAddresses(func(a types.InstancePrivateIpAddress) []string { return addressOwner(a.Association) }),

	"network-interface.tag-key": func(d *describedInstance) []string {
		return each(d.interfaceTags, func(t types.Tag) string { return valueOf(t.Key) })
	},
	"network-interface.tag-value": func(d *describedInstance) []string {
		return each(d.interfaceTags, func(t types.Tag) string { return valueOf(t.Value) })
	},
}

// interfaceAbsentFilters name what no interface has here: elastic, carrier and customer-owned addresses, public names,
// prefixes, IPv6, managed interfaces.
var interfaceAbsentFilters = absent[*describedInstance](
	"network-interface.addresses.association.allocation-id",
	"network-interface.addresses.association.association-id",
	"network-interface.addresses.association.carrier-ip",
	"network-interface.addresses.association.customer-owned-ip",
	"network-interface.addresses.association.public-dns-name",
	"network-interface.association.allocation-id",
	"network-interface.association.association-id",
	"network-interface.association.carrier-ip",
	"network-interface.association.customer-owned-ip",
	"network-interface.association.public-dns-name",
	"network-interface.ipv4-prefixes.ipv4-prefix",
	"network-interface.ipv6-address",
	"network-interface.ipv6-addresses.ipv6-address",
	"network-interface.ipv6-addresses.is-primary-ipv6",
	"network-interface.ipv6-prefixes.ipv6-prefix",
	"network-interface.operator.principal",
	"network-interface.outpost-arn",
	"network-interface.public-dns-name",
	"network-interface.requester-id",
)

func ofInterfaces(read func(types.InstanceNetworkInterface) []string) func(*describedInstance) []string {
	return func(d *describedInstance) []string {
		var out []string
		for _, n := range d.sdk.NetworkInterfaces {
			out = append(out, read(n)...)
		}
		return out
	}
}

func ofAttachments(read func(*types.InstanceNetworkInterfaceAttachment) string) func(*describedInstance) []string {
	return ofInterfaces(func(n types.InstanceNetworkInterface) []string { return some(read(n.Attachment)) })
}

func ofAddresses(read func(types.InstancePrivateIpAddress) []string) func(*describedInstance) []string {
	return ofInterfaces(func(n types.InstanceNetworkInterface) []string {
		var out []string
		for _, a := range n.PrivateIpAddresses {
			out = append(out, read(a)...)
		}
		return out
	})
}

func zoneOfInterfaces(d *describedInstance) []string {
	return each(d.sdk.NetworkInterfaces, func(types.InstanceNetworkInterface) string { return d.row.Zone })
}

func publicIP(a *types.InstanceNetworkInterfaceAssociation) []string {
	return some(valueOf(valueOf(a).PublicIp))
}

func addressOwner(a *types.InstanceNetworkInterfaceAssociation) []string {
	return some(valueOf(valueOf(a).IpOwnerId))
}
