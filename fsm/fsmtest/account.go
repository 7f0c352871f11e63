// SPDX-License-Identifier: Apache-2.0

package fsmtest

import (
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// newAccount is an account of 12 digits with a root user, an admin user "admin" and a default VPC.
func newAccount(id string) command.CreateAccount {
	return command.CreateAccount{
		Account: state.Account{ID: id, Name: "account-" + id},
		Users: []state.User{
			{Name: "root", ID: id, Path: "/", Root: true},
			{Name: "admin", ID: "AIDA" + id + "AAAAA", Path: "/", Admin: true},
		},
		VPC: state.VPC{ID: "vpc-0" + id + "0000", CIDR: "172.31.0.0/16", AssociationID: "vpc-cidr-assoc-0" + id + "0000",
			DHCPOptionsID: "dopt-0" + id + "0000", DNSSupport: true, DNSHostnames: true},
		Subnets: []state.Subnet{
			{ID: "subnet-0" + id + "000a", CIDR: "172.31.0.0/20", Zone: Zone, DefaultForAZ: true, MapPublicIP: true},
			{ID: "subnet-0" + id + "000b", CIDR: "172.31.16.0/20", Zone: Name + "b", DefaultForAZ: true, MapPublicIP: true},
		},
		Group: state.SecurityGroup{ID: "sg-0" + id + "0000", Name: "default", Description: "default VPC security group",
			Rules: []state.SecurityRule{
				{ID: "sgr-0" + id + "0001", Protocol: "-1", FromPort: -1, ToPort: -1, GroupID: "sg-0" + id + "0000"},
				{ID: "sgr-0" + id + "0002", Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDR: "0.0.0.0/0"},
			}},
	}
}
