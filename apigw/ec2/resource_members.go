// SPDX-License-Identifier: Apache-2.0

package ec2

// resourceMembers are the members of the actions on everything but instances and instance types.
var resourceMembers = joinMembers(keyPairMembers, tagMembers, regionMembers, accountMembers, imageMembers, snapshotMembers, volumeMembers,
	networkMembers, groupMembers, placementGroupMembers)
