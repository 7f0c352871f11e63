// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// instanceRows translates instances of one account as of one snapshot. It looks up what belongs to an instance:
// volumes, interfaces, groups, tags.
type instanceRows struct {
	view    *state.View
	region  state.Region
	account string
}

// newInstanceRows reads the region's row once for all instances of an answer.
func newInstanceRows(v *state.View, account string) instanceRows {
	region, _ := v.Region()
	return instanceRows{view: v, region: region, account: account}
}

// translate is the instance as DescribeInstances and RunInstances show it.
func (r instanceRows) translate(i *state.Instance) types.Instance {
	out := types.Instance{
		InstanceId: aws.String(i.ID), ImageId: aws.String(i.ImageID), InstanceType: types.InstanceType(i.Type),
		AmiLaunchIndex: aws.Int32(int32(i.LaunchIndex)), Architecture: types.ArchitectureValues(i.Arch),
		State: stateOf(i.State), StateReason: reasonOf(i), StateTransitionReason: optional(i.TransitionReason),
		KeyName: optional(i.KeyName), ClientToken: optional(i.ClientToken), LaunchTime: timeOf(i.LaunchTime),
		BootMode: types.BootModeValues(i.ImageBootMode), CurrentInstanceBootMode: types.InstanceBootModeValues(i.BootMode),
		TpmSupport: optional(i.TPM), RootDeviceName: optional(i.RootDevice), RootDeviceType: types.DeviceTypeEbs,
		Hypervisor: types.HypervisorTypeXen, VirtualizationType: types.VirtualizationTypeHvm,
		EbsOptimized: aws.Bool(i.EBSOptimized), EnaSupport: aws.Bool(i.ENASupport), SriovNetSupport: optional(i.SriovNetSupport),
		PlatformDetails: aws.String(platformLinux), UsageOperation: aws.String(usageRunInstances), UsageOperationUpdateTime: timeOf(i.Created),
		Monitoring:                       &types.Monitoring{State: monitoringOf(i.Monitoring)},
		Placement:                        r.placement(i),
		CpuOptions:                       &types.CpuOptions{CoreCount: aws.Int32(int32(i.Shape.Cores)), ThreadsPerCore: aws.Int32(int32(i.Shape.ThreadsPerCore))},
		MetadataOptions:                  metadataOf(i.Metadata),
		MaintenanceOptions:               maintenanceOf(i),
		HibernationOptions:               &types.HibernationOptions{Configured: aws.Bool(false)},
		EnclaveOptions:                   &types.EnclaveOptions{Enabled: aws.Bool(false)},
		CapacityReservationSpecification: &types.CapacityReservationSpecificationResponse{CapacityReservationPreference: types.CapacityReservationPreferenceOpen},
		NetworkPerformanceOptions:        &types.InstanceNetworkPerformanceOptions{BandwidthWeighting: types.InstanceBandwidthWeightingDefault},
		Operator:                         &types.OperatorResponse{Managed: aws.Bool(false)},
		IamInstanceProfile:               profileOf(r.view, i.ID),
		Tags:                             r.tags(i.ID),
	}
	r.addNetwork(&out, i)
	return out
}

// What EC2 calls the platform and the billing operation of a Linux instance.
const (
	platformLinux     = "Linux/UNIX"
	usageRunInstances = "RunInstances"
)

// addNetwork adds what a terminated instance has lost: addresses, interfaces, groups and disks.
func (r instanceRows) addNetwork(out *types.Instance, i *state.Instance) {
	out.PrivateDnsNameOptions = &types.PrivateDnsNameOptionsResponse{HostnameType: types.HostnameType(i.PrivateDNSHostname),
		EnableResourceNameDnsARecord: aws.Bool(false), EnableResourceNameDnsAAAARecord: aws.Bool(false)}
	out.ProductCodes, out.SecurityGroups, out.BlockDeviceMappings, out.NetworkInterfaces = []types.ProductCode{}, []types.GroupIdentifier{},
		[]types.InstanceBlockDeviceMapping{}, []types.InstanceNetworkInterface{} // clients expect the lists, empty or not
	if i.State == state.Terminated {
		return
	}
	out.VpcId, out.SubnetId = optional(i.VPCID), optional(i.SubnetID)
	out.PrivateIpAddress, out.PublicIpAddress = optional(i.PrivateIP), optional(i.PublicIP)
	out.PrivateDnsName = optional(r.privateName(i.PrivateIP))
	out.SourceDestCheck = aws.Bool(i.SourceDestCheck)
	out.SecurityGroups = append(out.SecurityGroups, r.groups(i.SecurityGroups)...)
	out.BlockDeviceMappings = append(out.BlockDeviceMappings, r.devices(i)...)
	for n := range state.NetworkInterfaces.List(r.view, state.ByInstance, i.ID) {
		out.NetworkInterfaces = append(out.NetworkInterfaces, r.networkInterface(i, n))
	}
}

// placement tells where the instance is, as far as a tenant may know.
func (r instanceRows) placement(i *state.Instance) *types.Placement {
	out := &types.Placement{AvailabilityZone: optional(i.Zone), AvailabilityZoneId: optional(r.zoneID(i.Zone)), Tenancy: types.Tenancy(i.Tenancy)}
	if g, ok := state.PlacementGroups.Get(r.view, i.AccountID, i.PlacementGroupID); ok { // a terminated instance may outlive its group
		out.GroupName, out.GroupId, out.PartitionNumber = aws.String(g.Name), aws.String(g.ID), positive(int64(i.Partition))
	}
	return out
}

// zoneID is the zone's id, the same in every account.
func (r instanceRows) zoneID(name string) string {
	for _, z := range r.region.Zones {
		if z.Name == name {
			return z.ID
		}
	}
	return ""
}

// privateName is the IP-based host name that the VPC's resolver knows an address by.
func (r instanceRows) privateName(ip string) string {
	if ip == "" {
		return ""
	}
	return "ip-" + strings.ReplaceAll(ip, ".", "-") + "." + r.region.DNSSuffix
}

// groups names security groups.
func (r instanceRows) groups(ids []string) []types.GroupIdentifier {
	var out []types.GroupIdentifier
	for _, id := range ids {
		g := types.GroupIdentifier{GroupId: aws.String(id)}
		if row, ok := state.SecurityGroups.Get(r.view, r.account, id); ok {
			g.GroupName = aws.String(row.Name)
		}
		out = append(out, g)
	}
	return out
}

// devices is the instance's block device mapping.
func (r instanceRows) devices(i *state.Instance) []types.InstanceBlockDeviceMapping {
	var out []types.InstanceBlockDeviceMapping
	for _, d := range i.Devices {
		out = append(out, types.InstanceBlockDeviceMapping{DeviceName: aws.String(d.Name), Ebs: &types.EbsInstanceBlockDevice{
			VolumeId: aws.String(d.VolumeID), DeleteOnTermination: aws.Bool(d.DeleteOnTermination),
			AttachTime: timeOf(d.Attached), Status: types.AttachmentStatus(r.attachment(d.VolumeID)),
		}})
	}
	return out
}

// attachment is the attachment state of a volume.
func (r instanceRows) attachment(volume string) string {
	v, ok := state.Volumes.Get(r.view, r.account, volume)
	if !ok || v.Attachment == nil {
		return string(types.AttachmentStatusDetached)
	}
	return v.Attachment.State
}

// networkInterface is an interface as it stands inside an instance's description.
func (r instanceRows) networkInterface(i *state.Instance, n *state.NetworkInterface) types.InstanceNetworkInterface {
	address := types.InstancePrivateIpAddress{Primary: aws.Bool(true), PrivateIpAddress: optional(n.PrivateIP), PrivateDnsName: optional(r.privateName(n.PrivateIP))}
	if n.PublicIP != "" {
		address.Association = &types.InstanceNetworkInterfaceAssociation{IpOwnerId: aws.String("amazon"), PublicIp: aws.String(n.PublicIP)}
	}
	return types.InstanceNetworkInterface{
		NetworkInterfaceId: aws.String(n.ID), MacAddress: aws.String(n.MAC), OwnerId: aws.String(n.AccountID),
		VpcId: aws.String(n.VPCID), SubnetId: aws.String(n.SubnetID), Description: optional(n.Description),
		PrivateIpAddress: address.PrivateIpAddress, PrivateDnsName: address.PrivateDnsName, Association: address.Association,
		PrivateIpAddresses: []types.InstancePrivateIpAddress{address}, Groups: r.groups(n.Groups),
		SourceDestCheck: aws.Bool(n.SourceDestCheck), Status: types.NetworkInterfaceStatus(n.Status), InterfaceType: aws.String("interface"),
		Operator: &types.OperatorResponse{Managed: aws.Bool(false)},
		Attachment: &types.InstanceNetworkInterfaceAttachment{
			AttachmentId: aws.String(n.AttachmentID), AttachTime: timeOf(n.Attached), DeviceIndex: aws.Int32(int32(n.DeviceIndex)),
			NetworkCardIndex: aws.Int32(0), DeleteOnTermination: aws.Bool(n.DeleteOnTermination), Status: interfaceAttachment(i.State),
		},
	}
}

// interfaceAttachment follows the instance: an interface is attaching until the guest runs.
func interfaceAttachment(s state.InstanceState) types.AttachmentStatus {
	switch s {
	case state.Pending:
		return types.AttachmentStatusAttaching
	case state.ShuttingDown:
		return types.AttachmentStatusDetaching
	}
	return types.AttachmentStatusAttached
}

// tags are the account's tags of a resource.
func (r instanceRows) tags(id string) []types.Tag {
	var out []types.Tag
	for _, t := range r.view.TagsOf(r.account, id) {
		out = append(out, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return out
}

// stateOf is EC2's code and name of a state.
func stateOf(s state.InstanceState) *types.InstanceState {
	return &types.InstanceState{Code: aws.Int32(int32(s)), Name: types.InstanceStateName(s.String())}
}

// reasonOf is why the instance is in its state; EC2 calls a pending instance's reason pending.
func reasonOf(i *state.Instance) *types.StateReason {
	if i.Reason.Code != "" {
		return &types.StateReason{Code: aws.String(i.Reason.Code), Message: aws.String(i.Reason.Message)}
	}
	if i.State == state.Pending {
		return &types.StateReason{Code: aws.String("pending"), Message: aws.String("pending")}
	}
	return nil
}

func monitoringOf(detailed bool) types.MonitoringState {
	if detailed {
		return types.MonitoringStateEnabled
	}
	return types.MonitoringStateDisabled
}

// metadataOf shows the options as applied: they are served from the same row that they were written to.
func metadataOf(m state.MetadataOptions) *types.InstanceMetadataOptionsResponse {
	return &types.InstanceMetadataOptionsResponse{
		State: types.InstanceMetadataOptionsStateApplied, HttpTokens: types.HttpTokensState(m.HTTPTokens),
		HttpEndpoint: types.InstanceMetadataEndpointState(m.HTTPEndpoint), HttpPutResponseHopLimit: aws.Int32(int32(m.HTTPPutResponseHopLimit)),
		HttpProtocolIpv6:     types.InstanceMetadataProtocolState(m.HTTPProtocolIPv6),
		InstanceMetadataTags: types.InstanceMetadataTagsState(m.InstanceMetadataTags),
	}
}

func maintenanceOf(i *state.Instance) *types.InstanceMaintenanceOptions {
	return &types.InstanceMaintenanceOptions{AutoRecovery: types.InstanceAutoRecoveryState(i.AutoRecovery),
		RebootMigration: types.InstanceRebootMigrationState(i.RebootMigration)}
}
