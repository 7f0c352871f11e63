// SPDX-License-Identifier: Apache-2.0

package ids

import (
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Family is a kind of resource: how its ids begin and what AWS calls its errors.
type Family struct {
	Prefix    string // with the dash: "i-"
	Malformed string // error code
	NotFound  string // error code
	noun      string // as in AWS's messages: "The instance ID 'i-1' does not exist"
}

// The families. Codes are from the EC2 API reference, "Error codes for the Amazon EC2 API".
var (
	Instance         = family("i-", "InvalidInstanceID", "instance ID")
	Image            = family("ami-", "InvalidAMIID", "image id")
	Volume           = Family{Prefix: "vol-", Malformed: "InvalidVolumeID.Malformed", NotFound: "InvalidVolume.NotFound", noun: "volume"}
	Snapshot         = Family{Prefix: "snap-", Malformed: "InvalidSnapshotID.Malformed", NotFound: "InvalidSnapshot.NotFound", noun: "snapshot"}
	VPC              = family("vpc-", "InvalidVpcID", "vpc ID")
	Subnet           = family("subnet-", "InvalidSubnetID", "subnet ID")
	SecurityGroup    = Family{Prefix: "sg-", Malformed: "InvalidGroupId.Malformed", NotFound: "InvalidGroup.NotFound", noun: "security group"}
	SecurityRule     = Family{Prefix: "sgr-", Malformed: "InvalidSecurityGroupRuleId.Malformed", NotFound: "InvalidSecurityGroupRuleId.NotFound", noun: "security group rule ID"}
	NetworkInterface = family("eni-", "InvalidNetworkInterfaceID", "networkInterface ID")
	Attachment       = family("eni-attach-", "InvalidAttachmentID", "network interface attachment ID")
	InternetGateway  = family("igw-", "InvalidInternetGatewayID", "internetGateway ID")
	NATGateway       = Family{Prefix: "nat-", Malformed: "NatGatewayMalformed", NotFound: "NatGatewayNotFound", noun: "NAT gateway"}
	RouteTable       = Family{Prefix: "rtb-", Malformed: "InvalidRouteTableId.Malformed", NotFound: "InvalidRouteTableID.NotFound", noun: "routeTable ID"}
	RouteAssociation = family("rtbassoc-", "InvalidAssociationID", "association ID")
	Allocation       = family("eipalloc-", "InvalidAllocationID", "allocation ID")
	Association      = family("eipassoc-", "InvalidAssociationID", "association ID")
	Profile          = family("iip-assoc-", "InvalidAssociationID", "association-id")
	NetworkACL       = family("acl-", "InvalidNetworkAclID", "networkAcl ID")
	KeyPair          = Family{Prefix: "key-", Malformed: "InvalidKeyPair.NotFound", NotFound: "InvalidKeyPair.NotFound", noun: "key pair"}
	LaunchTemplate   = family("lt-", "InvalidLaunchTemplateId", "launch template ID")
	DHCPOptions      = Family{Prefix: "dopt-", Malformed: "InvalidDhcpOptionsId.Malformed", NotFound: "InvalidDhcpOptionID.NotFound", noun: "dhcpOption ID"}
	PlacementGroup   = Family{Prefix: "pg-", Malformed: "InvalidPlacementGroupId.Malformed", NotFound: "InvalidPlacementGroup.Unknown", noun: "Placement Group"}
	Reservation      = family("r-", "InvalidReservationID", "reservation ID")
)

func family(prefix, code, noun string) Family {
	return Family{Prefix: prefix, Malformed: code + ".Malformed", NotFound: code + ".NotFound", noun: noun}
}

// Check refuses ids that are not of the family's form; nil when all are. AWS accepts 8 digits too (ids from before
// 2016); both lengths are well formed here, and upper case is not.
func (f Family) Check(ids ...string) error {
	for _, id := range ids {
		if !f.valid(id) {
			return f.malformed(id)
		}
	}
	return nil
}

func (f Family) valid(id string) bool {
	digits, ok := strings.CutPrefix(id, f.Prefix)
	if !ok || len(digits) != 17 && len(digits) != 8 {
		return false
	}
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (f Family) malformed(id string) error {
	if len(id) > 128 {
		id = id[:128] + "..."
	}
	if f.Malformed == f.NotFound { // the family has no code of its own for it
		return f.Missing(id)
	}
	return awserr.New(f.Malformed, "Invalid id: \"%s\" (expecting \"%s...\")", id, f.Prefix)
}

// Missing is the error for well-formed ids that name nothing the account can see. With several ids AWS lists them all.
func (f Family) Missing(ids ...string) error {
	if len(ids) == 1 {
		return awserr.New(f.NotFound, "The %s '%s' does not exist", f.noun, ids[0])
	}
	return awserr.New(f.NotFound, "The %ss '%s' do not exist", f.noun, strings.Join(ids, ", "))
}

// New makes an id of the family.
func (f Family) New() string { return New(f.Prefix) }
