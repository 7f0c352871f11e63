// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"fmt"

	"github.com/hivecloud/hive/apigw"
)

// Members declares what each action implements of its input; the gateway refuses the rest by name. The parts stand
// beside the actions.
var Members = joinMembers(instanceMembers, instanceAttributeMembers, typeMembers, resourceMembers, profileMembers)

// joinMembers is one declaration of several; an action stands in one of them only.
func joinMembers(parts ...apigw.Members) apigw.Members {
	all := apigw.Members{}
	for _, part := range parts {
		for action, members := range part {
			if _, twice := all[action]; twice {
				panic(fmt.Sprintf("ec2: the members of %s are declared twice", action))
			}
			all[action] = members
		}
	}
	return all
}
