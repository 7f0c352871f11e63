// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/fsmtest"
)

// The ids that fsmtest gives alice's default network.
const (
	aliceVPC     = "vpc-0" + alice + "0000"
	aliceSubnetA = "subnet-0" + alice + "000a"
	aliceSubnetB = "subnet-0" + alice + "000b"
	aliceGroup   = "sg-0" + alice + "0000"
	aliceIngress = "sgr-0" + alice + "0001"
	aliceEgress  = "sgr-0" + alice + "0002"
)

// filterCase is a filter and how many rows pass it.
type filterCase struct {
	name  string
	value string
	want  int
}

func TestDescribeVpcs(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{aliceVPC}, Tags: tagList("a", "b")})
	v := do(w, alice, w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{VpcIds: []string{aliceVPC}}).Vpcs[0]
	if *v.CidrBlock != "172.31.0.0/16" || !*v.IsDefault || v.State != "available" || v.InstanceTenancy != "default" || *v.OwnerId != alice || *v.DhcpOptionsId != "dopt-0"+alice+"0000" ||
		v.CidrBlockAssociationSet[0].CidrBlockState.State != "associated" || *v.CidrBlockAssociationSet[0].AssociationId != "vpc-cidr-assoc-0"+alice+"0000" || len(v.Tags) != 1 {
		t.Errorf("%+v", v)
	}
	for _, c := range []filterCase{
		{"cidr", "172.31.0.0/16", 1}, {"cidr", "10.0.0.0/16", 0}, {"is-default", "true", 1}, {"isDefault", "false", 0}, {"owner-id", bob, 0}, {"state", "available", 1},
		{"vpc-id", aliceVPC, 1}, {"dhcp-options-id", "dopt-*", 1}, {"cidr-block-association.cidr-block", "172.31.0.0/16", 1}, {"cidr-block-association.state", "associated", 1},
		{"cidr-block-association.association-id", "vpc-cidr-assoc-*", 1}, {"tag:a", "b", 1}, {"tag-key", "c", 0}, {"ipv6-cidr-block-association.state", "*", 0},
	} {
		if got := do(w, alice, w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{Filters: filterOf(c.name, c.value)}).Vpcs; got == nil || len(got) != c.want {
			t.Errorf("%s=%s: %d", c.name, c.value, len(got))
		}
	}
	if msg := refused(w, bob, "InvalidVpcID.NotFound", w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{VpcIds: []string{aliceVPC}}); msg != "The vpc ID '"+aliceVPC+"' does not exist" {
		t.Error(msg)
	}
	refused(w, alice, "InvalidVpcID.Malformed", w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{VpcIds: []string{"vpc"}})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{Filters: filterOf("colour", "red")})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{MaxResults: aws.Int32(4)})
}

func TestDescribeVpcAttribute(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	read := func(name types.VpcAttributeName) *sdk.DescribeVpcAttributeOutput {
		return do(w, alice, w.svc.DescribeVpcAttribute, &sdk.DescribeVpcAttributeInput{VpcId: aws.String(aliceVPC), Attribute: name})
	}
	if got := read("enableDnsSupport"); !*got.EnableDnsSupport.Value || got.EnableDnsHostnames != nil || *got.VpcId != aliceVPC {
		t.Errorf("%+v", got)
	}
	if got := read("enableDnsHostnames"); !*got.EnableDnsHostnames.Value || got.EnableDnsSupport != nil {
		t.Errorf("%+v", got)
	}
	if got := read("enableNetworkAddressUsageMetrics"); *got.EnableNetworkAddressUsageMetrics.Value {
		t.Errorf("%+v", got)
	}
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeVpcAttribute, &sdk.DescribeVpcAttributeInput{VpcId: aws.String(aliceVPC), Attribute: "colour"})
	refused(w, alice, "MissingParameter", w.svc.DescribeVpcAttribute, &sdk.DescribeVpcAttributeInput{VpcId: aws.String(aliceVPC)})
	refused(w, alice, "MissingParameter", w.svc.DescribeVpcAttribute, &sdk.DescribeVpcAttributeInput{Attribute: "enableDnsSupport"})
	refused(w, bob, "InvalidVpcID.NotFound", w.svc.DescribeVpcAttribute, &sdk.DescribeVpcAttributeInput{VpcId: aws.String(aliceVPC), Attribute: "enableDnsSupport"})
}

func TestDescribeSubnets_CountsFreeAddresses(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	free := func(id string) int32 {
		return *do(w, alice, w.svc.DescribeSubnets, &sdk.DescribeSubnetsInput{SubnetIds: []string{id}}).Subnets[0].AvailableIpAddressCount
	}
	if got := free(aliceSubnetA); got != 4091 {
		t.Errorf("an empty /20 has %d free addresses, want 4091", got)
	}
	i := w.launch(alice, w.region.AddImage(t, alice, "base", 8))
	used, other := *i.SubnetId, aliceSubnetA
	if used == other {
		other = aliceSubnetB
	}
	if free(used) != 4090 || free(other) != 4091 {
		t.Errorf("after a launch in %s: %d and %d", used, free(used), free(other))
	}
	s := do(w, alice, w.svc.DescribeSubnets, &sdk.DescribeSubnetsInput{SubnetIds: []string{aliceSubnetA}}).Subnets[0]
	if *s.CidrBlock != "172.31.0.0/20" || *s.AvailabilityZone != fsmtest.Zone || *s.AvailabilityZoneId != "eut1-az1" || !*s.DefaultForAz || !*s.MapPublicIpOnLaunch || *s.VpcId != aliceVPC ||
		s.State != "available" || *s.SubnetArn != "arn:aws:ec2:"+fsmtest.Name+":"+alice+":subnet/"+aliceSubnetA || s.PrivateDnsNameOptionsOnLaunch.HostnameType != "ip-name" {
		t.Errorf("%+v", s)
	}
	for _, c := range []filterCase{
		{"availability-zone", fsmtest.Zone, 1}, {"availabilityZone", fsmtest.Zone, 1}, {"availability-zone-id", "eut1-az2", 1}, {"availabilityZoneId", "eut1-az3", 0},
		{"available-ip-address-count", "4090", 1}, {"cidr-block", "172.31.16.0/20", 1}, {"cidr", "172.31.16.0/20", 1}, {"cidrBlock", "172.31.16.0/20", 1}, {"default-for-az", "true", 2},
		{"defaultForAz", "false", 0}, {"map-public-ip-on-launch", "true", 2}, {"owner-id", alice, 2}, {"state", "available", 2}, {"subnet-id", aliceSubnetA, 1}, {"vpc-id", aliceVPC, 2},
		{"subnet-arn", "*" + aliceSubnetB, 1}, {"ipv6-native", "true", 0}, {"enable-dns64", "false", 2}, {"outpost-arn", "*", 0}, {"private-dns-name-options-on-launch.hostname-type", "ip-name", 2},
	} {
		if got := do(w, alice, w.svc.DescribeSubnets, &sdk.DescribeSubnetsInput{Filters: filterOf(c.name, c.value)}).Subnets; got == nil || len(got) != c.want {
			t.Errorf("%s=%s: %d", c.name, c.value, len(got))
		}
	}
	refused(w, bob, "InvalidSubnetID.NotFound", w.svc.DescribeSubnets, &sdk.DescribeSubnetsInput{SubnetIds: []string{aliceSubnetA}})
	refused(w, alice, "InvalidSubnetID.Malformed", w.svc.DescribeSubnets, &sdk.DescribeSubnetsInput{SubnetIds: []string{"subnet-x"}})
}

func TestDescribeSecurityGroups(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	g := do(w, alice, w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{GroupNames: []string{"default"}}).SecurityGroups[0]
	if *g.GroupId != aliceGroup || *g.Description != "default VPC security group" || *g.VpcId != aliceVPC || *g.OwnerId != alice || len(g.IpPermissions) != 1 || len(g.IpPermissionsEgress) != 1 {
		t.Fatalf("%+v", g)
	}
	in, out := g.IpPermissions[0], g.IpPermissionsEgress[0]
	if *in.IpProtocol != "-1" || in.FromPort != nil || in.ToPort != nil || *in.UserIdGroupPairs[0].GroupId != aliceGroup || *in.UserIdGroupPairs[0].UserId != alice || len(in.IpRanges) != 0 {
		t.Errorf("ingress %+v", in)
	}
	if *out.IpProtocol != "-1" || *out.IpRanges[0].CidrIp != "0.0.0.0/0" || len(out.UserIdGroupPairs) != 0 {
		t.Errorf("egress %+v", out)
	}
	for _, c := range []filterCase{
		{"group-id", aliceGroup, 1}, {"group-name", "default", 1}, {"description", "default*", 1}, {"owner-id", alice, 1}, {"vpc-id", aliceVPC, 1}, {"vpc-id", "vpc-1", 0},
		{"ip-permission.group-id", aliceGroup, 1}, {"ip-permission.group-name", "default", 1}, {"ip-permission.user-id", alice, 1}, {"ip-permission.protocol", "-1", 1},
		{"ip-permission.cidr", "0.0.0.0/0", 0}, {"egress.ip-permission.cidr", "0.0.0.0/0", 1}, {"egress.ip-permission.group-id", aliceGroup, 0}, {"egress.ip-permission.user-id", alice, 0},
		{"ip-permission.from-port", "*", 0}, {"ip-permission.ipv6-cidr", "*", 0}, {"egress.ip-permission.prefix-list-id", "*", 0}, {"tag-key", "x", 0},
	} {
		if got := do(w, alice, w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{Filters: filterOf(c.name, c.value)}).SecurityGroups; got == nil || len(got) != c.want {
			t.Errorf("%s=%s: %d", c.name, c.value, len(got))
		}
	}
	if got := do(w, alice, w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{GroupNames: []string{"default"}, GroupIds: []string{aliceGroup}}).SecurityGroups; len(got) != 1 {
		t.Errorf("named twice: %d", len(got))
	}
	if msg := refused(w, bob, "InvalidGroup.NotFound", w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{aliceGroup}}); msg != "The security group '"+aliceGroup+"' does not exist" {
		t.Error(msg)
	}
	refused(w, alice, "InvalidGroup.NotFound", w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{GroupNames: []string{"web"}})
	refused(w, alice, "InvalidGroupId.Malformed", w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{"default"}})
}

func TestDescribeSecurityGroupRules(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	rules := do(w, alice, w.svc.DescribeSecurityGroupRules, &sdk.DescribeSecurityGroupRulesInput{Filters: filterOf("group-id", aliceGroup)}).SecurityGroupRules
	if len(rules) != 2 || *rules[0].SecurityGroupRuleId != aliceIngress || *rules[0].IsEgress || *rules[0].FromPort != -1 || *rules[0].ReferencedGroupInfo.GroupId != aliceGroup || rules[0].CidrIpv4 != nil {
		t.Fatalf("%+v", rules)
	}
	if out := rules[1]; *out.SecurityGroupRuleId != aliceEgress || !*out.IsEgress || *out.CidrIpv4 != "0.0.0.0/0" || out.ReferencedGroupInfo != nil || *out.GroupOwnerId != alice || *out.IpProtocol != "-1" {
		t.Errorf("%+v", out)
	}
	if got := do(w, alice, w.svc.DescribeSecurityGroupRules, &sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{aliceEgress}}).SecurityGroupRules; len(got) != 1 {
		t.Errorf("by id: %d", len(got))
	}
	refused(w, bob, "InvalidSecurityGroupRuleId.NotFound", w.svc.DescribeSecurityGroupRules, &sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{aliceEgress}})
	refused(w, alice, "InvalidSecurityGroupRuleId.Malformed", w.svc.DescribeSecurityGroupRules, &sdk.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{"sgr"}})
	if got := do(w, bob, w.svc.DescribeSecurityGroupRules, &sdk.DescribeSecurityGroupRulesInput{Filters: filterOf("group-id", aliceGroup)}).SecurityGroupRules; len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}

func TestDescribeNetworkInterfaces(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	i := w.launch(alice, w.region.AddImage(t, alice, "base", 8))
	id := *i.NetworkInterfaces[0].NetworkInterfaceId
	n := do(w, alice, w.svc.DescribeNetworkInterfaces, &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}}).NetworkInterfaces[0]
	if n.Status != "in-use" || *n.PrivateIpAddress != *i.PrivateIpAddress || *n.SubnetId != *i.SubnetId || *n.VpcId != aliceVPC || *n.OwnerId != alice || *n.Groups[0].GroupName != "default" ||
		*n.Attachment.InstanceId != *i.InstanceId || *n.Attachment.DeviceIndex != 0 || n.Attachment.Status != "attached" || *n.Association.PublicIp != *i.PublicIpAddress || n.InterfaceType != "interface" {
		t.Errorf("%+v", n)
	}
	for _, c := range []filterCase{
		{"subnet-id", *i.SubnetId, 1}, {"vpc-id", aliceVPC, 1}, {"group-id", aliceGroup, 1}, {"group-name", "default", 1}, {"attachment.attachment-id", *n.Attachment.AttachmentId, 1}, {"attachment.attachment-id", "eni-attach-1", 0},
		{"attachment.instance-id", *i.InstanceId, 1}, {"attachment.device-index", "0", 1}, {"attachment.status", "attached", 1}, {"attachment.delete-on-termination", "true", 1}, {"attachment.instance-owner-id", alice, 1},
		{"private-ip-address", *i.PrivateIpAddress, 1}, {"addresses.private-ip-address", *i.PrivateIpAddress, 1}, {"addresses.primary", "true", 1}, {"association.public-ip", *i.PublicIpAddress, 1},
		{"mac-address", *n.MacAddress, 1}, {"network-interface-id", id, 1}, {"owner-id", bob, 0}, {"status", "available", 0}, {"source-dest-check", "true", 1}, {"interface-type", "interface", 1},
		{"requester-managed", "false", 1}, {"availability-zone", *i.Placement.AvailabilityZone, 1}, {"private-dns-name", *i.PrivateDnsName, 1}, {"ipv6-addresses.ipv6-address", "*", 0}, {"tag-key", "a", 0},
		{"attachment.attach-time", "2026-*", 1}, {"description", "*", len(some(*n.Description))}, {"association.allocation-id", "*", 0},
	} {
		if got := do(w, alice, w.svc.DescribeNetworkInterfaces, &sdk.DescribeNetworkInterfacesInput{Filters: filterOf(c.name, c.value)}).NetworkInterfaces; got == nil || len(got) != c.want {
			t.Errorf("%s=%s: %d", c.name, c.value, len(got))
		}
	}
	if msg := refused(w, bob, "InvalidNetworkInterfaceID.NotFound", w.svc.DescribeNetworkInterfaces, &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}}); msg != "The networkInterface ID '"+id+"' does not exist" {
		t.Error(msg)
	}
	refused(w, alice, "InvalidNetworkInterfaceID.Malformed", w.svc.DescribeNetworkInterfaces, &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{"eni"}})
	refused(w, alice, "InvalidParameterCombination", w.svc.DescribeNetworkInterfaces, &sdk.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}, MaxResults: aws.Int32(5)})
}

func TestDescribes_OfAnAccountWithoutResources(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	for _, kind := range w.ofEveryKind() {
		do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{kind}, Tags: tagList("secret", kind)})
	}
	// Bob has his default network and nothing else; nothing of alice's may show.
	counts := map[string][2]int{
		"key pairs":  {len(do(w, bob, w.svc.DescribeKeyPairs, &sdk.DescribeKeyPairsInput{}).KeyPairs), 0},
		"tags":       {len(do(w, bob, w.svc.DescribeTags, &sdk.DescribeTagsInput{}).Tags), 0},
		"images":     {len(do(w, bob, w.svc.DescribeImages, &sdk.DescribeImagesInput{IncludeDeprecated: aws.Bool(true), IncludeDisabled: aws.Bool(true)}).Images), 0},
		"snapshots":  {len(do(w, bob, w.svc.DescribeSnapshots, &sdk.DescribeSnapshotsInput{}).Snapshots), 0},
		"volumes":    {len(do(w, bob, w.svc.DescribeVolumes, &sdk.DescribeVolumesInput{}).Volumes), 0},
		"statuses":   {len(do(w, bob, w.svc.DescribeVolumeStatus, &sdk.DescribeVolumeStatusInput{}).VolumeStatuses), 0},
		"interfaces": {len(do(w, bob, w.svc.DescribeNetworkInterfaces, &sdk.DescribeNetworkInterfacesInput{}).NetworkInterfaces), 0},
		"vpcs":       {len(do(w, bob, w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{}).Vpcs), 1},
		"subnets":    {len(do(w, bob, w.svc.DescribeSubnets, &sdk.DescribeSubnetsInput{}).Subnets), 2},
		"groups":     {len(do(w, bob, w.svc.DescribeSecurityGroups, &sdk.DescribeSecurityGroupsInput{}).SecurityGroups), 1},
		"rules":      {len(do(w, bob, w.svc.DescribeSecurityGroupRules, &sdk.DescribeSecurityGroupRulesInput{}).SecurityGroupRules), 2},
	}
	for what, n := range counts {
		if n[0] != n[1] {
			t.Errorf("%s: %d, want %d", what, n[0], n[1])
		}
	}
	if v := do(w, bob, w.svc.DescribeVpcs, &sdk.DescribeVpcsInput{}).Vpcs[0]; *v.OwnerId != bob || len(v.Tags) != 0 {
		t.Errorf("bob's VPC: %+v", v)
	}
}
