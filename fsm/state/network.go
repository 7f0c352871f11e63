// SPDX-License-Identifier: Apache-2.0

package state

// VPC is a virtual network.
type VPC struct {
	ID             string
	AccountID      string
	CIDR           string
	AssociationID  string // vpc-cidr-assoc-...
	Default        bool
	DHCPOptionsID  string
	DNSSupport     bool
	DNSHostnames   bool
	AddressMetrics bool // enableNetworkAddressUsageMetrics
	Created        Time
}

// VPCs by id and account.
var VPCs = &Table[VPC]{name: "vpcs", id: 12, key: func(v *VPC) string { return v.ID },
	account: func(v *VPC) string { return v.AccountID },
	indexes: map[Index]func(*VPC) []string{ByAccount: func(v *VPC) []string { return one(v.AccountID) }}}

// Subnet is a range of a VPC in one zone.
type Subnet struct {
	ID           string
	AccountID    string
	VPCID        string
	CIDR         string
	Zone         string
	DefaultForAZ bool
	MapPublicIP  bool
	Created      Time
}

// Subnets by id, account and VPC.
var Subnets = &Table[Subnet]{name: "subnets", id: 13, key: func(s *Subnet) string { return s.ID },
	account: func(s *Subnet) string { return s.AccountID },
	indexes: map[Index]func(*Subnet) []string{
		ByAccount: func(s *Subnet) []string { return one(s.AccountID) },
		ByVPC:     func(s *Subnet) []string { return one(s.VPCID) },
	}}

// SecurityRule is one rule of a security group.
type SecurityRule struct {
	ID          string // sgr-...
	Egress      bool
	Protocol    string // tcp, udp, icmp or -1
	FromPort    int
	ToPort      int
	CIDR        string // either a range
	GroupID     string // or a group
	Description string
}

// SecurityGroup is a set of rules.
type SecurityGroup struct {
	ID          string
	AccountID   string
	VPCID       string
	Name        string
	Description string
	Rules       []SecurityRule
	Created     Time
}

// SecurityGroups by id, account and VPC.
var SecurityGroups = &Table[SecurityGroup]{name: "security_groups", id: 14, key: func(g *SecurityGroup) string { return g.ID },
	account: func(g *SecurityGroup) string { return g.AccountID },
	indexes: map[Index]func(*SecurityGroup) []string{
		ByAccount: func(g *SecurityGroup) []string { return one(g.AccountID) },
		ByVPC:     func(g *SecurityGroup) []string { return one(g.VPCID) },
	}}

// NetworkInterface is an ENI.
type NetworkInterface struct {
	ID                  string
	AccountID           string
	VPCID               string
	SubnetID            string
	Zone                string
	MAC                 string
	PrivateIP           string
	PublicIP            string // auto-assigned, while the instance runs
	Groups              []string
	Description         string
	SourceDestCheck     bool
	Status              string // available | in-use
	Created             Time
	InstanceID          string
	AttachmentID        string // eni-attach-...
	DeviceIndex         int
	DeleteOnTermination bool
	Attached            Time
}

// NetworkInterfaces by id, account, subnet and instance.
var NetworkInterfaces = &Table[NetworkInterface]{name: "network_interfaces", id: 15, key: func(n *NetworkInterface) string { return n.ID },
	account: func(n *NetworkInterface) string { return n.AccountID },
	indexes: map[Index]func(*NetworkInterface) []string{
		ByAccount:  func(n *NetworkInterface) []string { return one(n.AccountID) },
		BySubnet:   func(n *NetworkInterface) []string { return one(n.SubnetID) },
		ByInstance: func(n *NetworkInterface) []string { return one(n.InstanceID) },
	}}
