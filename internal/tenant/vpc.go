// SPDX-License-Identifier: Apache-2.0

package tenant

import (
	"fmt"

	"github.com/hivecloud/hive/fsm/state"
)

// The default VPC as AWS makes it, see https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html
const (
	defaultCIDR      = "172.31.0.0/16"
	defaultGroup     = "default"
	defaultGroupText = "default VPC security group"
	maxZones         = 16 // the /20 ranges of a /16
)

// addDefaultVPC fills the network part of the command in.
func (t *Tenant) addDefaultVPC(spec Spec) {
	vpc := state.VPC{
		ID: newID("vpc"), AccountID: spec.ID, CIDR: defaultCIDR, AssociationID: newID("vpc-cidr-assoc"), Default: true,
		DHCPOptionsID: newID("dopt"), DNSSupport: true, DNSHostnames: true, Created: spec.Now,
	}
	t.Command.Account.DefaultVPC = vpc.ID
	t.Command.VPC = vpc
	for i, zone := range spec.Zones {
		t.Command.Subnets = append(t.Command.Subnets, state.Subnet{
			ID: newID("subnet"), AccountID: spec.ID, VPCID: vpc.ID, CIDR: fmt.Sprintf("172.31.%d.0/20", i*16), Zone: zone.Name,
			DefaultForAZ: true, MapPublicIP: true, Created: spec.Now,
		})
	}
	group := newID("sg")
	t.Command.Group = state.SecurityGroup{
		ID: group, AccountID: spec.ID, VPCID: vpc.ID, Name: defaultGroup, Description: defaultGroupText, Created: spec.Now,
		Rules: []state.SecurityRule{
			{ID: newID("sgr"), Protocol: "-1", FromPort: -1, ToPort: -1, GroupID: group},
			{ID: newID("sgr"), Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDR: "0.0.0.0/0"},
		},
	}
}
