// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"cmp"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/state"
)

// launchSite is where in the network a launch goes. Which node is for the scheduler to say.
type launchSite struct {
	subnet *state.Subnet
	groups []string
}

// findSite resolves zone, subnet and security groups of a launch. Without a zone or subnet it is the default subnet
// of the zone with the most room for the type, as far as the launch's placement group leaves it.
func (s *Service) findSite(v *state.View, account string, in *sdk.RunInstancesInput, t instancetypes.Type, use *state.GroupUse) (launchSite, error) {
	region, _ := v.Region()
	zone, err := requestedZone(region, in.Placement)
	if err != nil {
		return launchSite{}, err
	}
	var site launchSite
	if id := valueOf(in.SubnetId); id != "" {
		if site.subnet, err = requestedSubnet(v, account, id, zone); err == nil {
			zone = site.subnet.Zone
		}
	} else {
		site.subnet, err = s.defaultSubnet(v, account, zone, func(zone string) int {
			return s.zoneRoom(v, zone, t, use, int(valueOf(valueOf(in.Placement).PartitionNumber)))
		})
	}
	if err != nil {
		return launchSite{}, err
	}
	if err := s.checkOffered(v, t, site.subnet.Zone, zone != ""); err != nil {
		return launchSite{}, err
	}
	site.groups, err = requestedGroups(v, site.subnet, in)
	return site, err
}

// requestedZone is the name of the zone that was asked for, or "".
func requestedZone(r state.Region, p *types.Placement) (string, error) {
	if p == nil {
		return "", nil
	}
	name, id := valueOf(p.AvailabilityZone), valueOf(p.AvailabilityZoneId)
	if name != "" && id != "" {
		return "", awserr.InvalidParameterCombination("The parameters Placement.AvailabilityZone and Placement.AvailabilityZoneId cannot be used together")
	}
	for _, z := range r.Zones {
		if name != "" && z.Name == name || id != "" && z.ID == id {
			return z.Name, nil
		}
	}
	if name != "" || id != "" {
		return "", awserr.InvalidParameterValue("Invalid availability zone: [%s]", name+id)
	}
	return "", nil
}

func requestedSubnet(v *state.View, account, id, zone string) (*state.Subnet, error) {
	if err := ids.Subnet.Check(id); err != nil {
		return nil, err
	}
	subnet, ok := state.Subnets.Get(v, account, id)
	if !ok {
		return nil, ids.Subnet.Missing(id)
	}
	if zone != "" && subnet.Zone != zone {
		return nil, awserr.InvalidParameterValue("The availability zone '%s' does not match the availability zone '%s' of the subnet '%s'", zone, subnet.Zone, id)
	}
	return subnet, nil
}

// defaultSubnet is the default VPC's subnet of the zone, or of the zone with the most room when none was asked for.
func (s *Service) defaultSubnet(v *state.View, account, zone string, room func(zone string) int) (*state.Subnet, error) {
	owner, ok := state.Accounts.Get(v, account, account)
	if !ok || owner.DefaultVPC == "" {
		return nil, awserr.New("VPCIdNotSpecified", "No default VPC for this user")
	}
	var candidates []*state.Subnet
	for n := range state.Subnets.List(v, state.ByVPC, owner.DefaultVPC) {
		if n.AccountID == account && n.DefaultForAZ && (zone == "" || n.Zone == zone) {
			candidates = append(candidates, n)
		}
	}
	if len(candidates) == 0 && zone != "" {
		return nil, awserr.New("MissingInput", "No default subnet for availability zone: '%s'.", zone)
	}
	if len(candidates) == 0 {
		return nil, awserr.New("MissingInput", "No subnets found for the default VPC '%s'. Please specify a subnet.", owner.DefaultVPC)
	}
	return slices.MaxFunc(candidates, func(a, b *state.Subnet) int {
		return cmp.Or(cmp.Compare(room(a.Zone), room(b.Zone)), strings.Compare(b.Zone, a.Zone))
	}), nil
}

// zoneRoom is how many instances of a type a zone takes now; -1 when it does not offer the type at all, so that a
// full zone goes before one that will never do. Nodes that the placement group forbids count as full.
func (s *Service) zoneRoom(v *state.View, zone string, t instancetypes.Type, use *state.GroupUse, partition int) int {
	room := -1
	for n := range state.Nodes.All(v) {
		if n.Zone != zone || !offers(n, t.Name) {
			continue
		}
		room = max(room, 0)
		if use == nil || groupAllows(use, n, partition) {
			room += s.slots(v, n, t)
		}
	}
	return room
}

// groupAllows tells whether the group's rule allows the node for some partition, or for the one asked for.
func groupAllows(use *state.GroupUse, n *state.Node, partition int) bool {
	if partition != 0 || use.Group().Strategy != state.PartitionStrategy {
		return use.Forbids(n, partition) == ""
	}
	for p := range use.Group().Partitions {
		if use.Forbids(n, p+1) == "" {
			return true
		}
	}
	return false
}

// checkOffered refuses a type that no node of the zone runs, and names the zones that have it.
func (s *Service) checkOffered(v *state.View, t instancetypes.Type, zone string, asked bool) error {
	zones := offeringZones(v, t.Name)
	if slices.Contains(zones, zone) {
		return nil
	}
	if len(zones) == 0 || !asked {
		return awserr.New("Unsupported", "The requested configuration is currently not supported. Please check the documentation for supported configurations.")
	}
	return awserr.New("Unsupported", "Your requested instance type (%s) is not supported in your requested Availability Zone (%s). Please retry your request by not specifying an Availability Zone or choosing %s.",
		t.Name, zone, strings.Join(zones, ", "))
}

// requestedGroups are the ids of the launch's security groups: those named, or the VPC's default group.
func requestedGroups(v *state.View, subnet *state.Subnet, in *sdk.RunInstancesInput) ([]string, error) {
	if len(in.SecurityGroups) > 0 && valueOf(in.SubnetId) != "" {
		return nil, awserr.InvalidParameterCombination("The parameter groupName cannot be used with the parameter subnet")
	}
	if err := ids.SecurityGroup.Check(in.SecurityGroupIds...); err != nil {
		return nil, err
	}
	var groups []string
	for _, id := range in.SecurityGroupIds {
		if g, ok := state.SecurityGroups.Get(v, subnet.AccountID, id); !ok || g.VPCID != subnet.VPCID {
			return nil, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", id, subnet.VPCID)
		}
		groups = append(groups, id)
	}
	for _, name := range in.SecurityGroups {
		id := groupNamed(v, subnet, name)
		if id == "" {
			return nil, awserr.New("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC '%s'", name, subnet.VPCID)
		}
		groups = append(groups, id)
	}
	if len(groups) == 0 {
		groups = some(groupNamed(v, subnet, "default"))
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

// groupNamed finds a security group of the subnet's VPC by name.
func groupNamed(v *state.View, subnet *state.Subnet, name string) string {
	for g := range state.SecurityGroups.List(v, state.ByVPC, subnet.VPCID) {
		if g.Name == name && g.AccountID == subnet.AccountID {
			return g.ID
		}
	}
	return ""
}
