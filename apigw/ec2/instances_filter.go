// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// describedInstance is an instance with its description: what filters look at.
type describedInstance struct {
	row           *state.Instance
	sdk           types.Instance
	interfaceTags []types.Tag
	order         string // by age, the instances of a reservation together
}

// instanceValues reads the values that a filter of DescribeInstances compares with. No value means that the filter
// matches nothing.
type instanceValues = map[string]func(*describedInstance) []string

// instanceFilters are DescribeInstances' filters, by the names of the API reference. tag:<key> is generic.
var instanceFilters = mergeFilters(instanceIdentityFilters, instanceHardwareFilters, instanceOptionFilters,
	instanceNetworkFilters, interfaceFilters, instanceAbsentFilters, interfaceAbsentFilters)

func mergeFilters[T any](parts ...map[string]func(T) []string) map[string]func(T) []string {
	all := map[string]func(T) []string{}
	for _, part := range parts {
		for name, read := range part {
			all[name] = read
		}
	}
	return all
}

var instanceIdentityFilters = instanceValues{
	"instance-id":              func(d *describedInstance) []string { return some(d.row.ID) },
	"iam-instance-profile.arn": func(d *describedInstance) []string { return some(valueOf(valueOf(d.sdk.IamInstanceProfile).Arn)) },
	"iam-instance-profile.id":  func(d *describedInstance) []string { return some(valueOf(valueOf(d.sdk.IamInstanceProfile).Id)) },
	"image-id":                 func(d *describedInstance) []string { return some(d.row.ImageID) },
	"owner-id":                 func(d *describedInstance) []string { return some(d.row.AccountID) },
	"reservation-id":           func(d *describedInstance) []string { return some(d.row.ReservationID) },
	"client-token":             func(d *describedInstance) []string { return some(d.row.ClientToken) },
	"key-name":                 func(d *describedInstance) []string { return some(d.row.KeyName) },
	"launch-index":             func(d *describedInstance) []string { return some(strconv.Itoa(d.row.LaunchIndex)) },
	"launch-time":              func(d *describedInstance) []string { return times(d.row.LaunchTime) },
	"availability-zone":        func(d *describedInstance) []string { return some(d.row.Zone) },
	"availability-zone-id":     func(d *describedInstance) []string { return some(valueOf(d.sdk.Placement.AvailabilityZoneId)) },
	"placement-group-name":     func(d *describedInstance) []string { return some(valueOf(d.sdk.Placement.GroupName)) },
	"placement-partition-number": func(d *describedInstance) []string {
		if d.sdk.Placement.PartitionNumber == nil {
			return nil
		}
		return some(strconv.Itoa(int(*d.sdk.Placement.PartitionNumber)))
	},
	"instance-state-code":         func(d *describedInstance) []string { return some(strconv.Itoa(int(d.row.State))) },
	"instance-state-name":         func(d *describedInstance) []string { return some(d.row.State.String()) },
	"reason":                      func(d *describedInstance) []string { return some(d.row.TransitionReason) },
	"state-reason-code":           func(d *describedInstance) []string { return some(valueOf(valueOf(d.sdk.StateReason).Code)) },
	"state-reason-message":        func(d *describedInstance) []string { return some(valueOf(valueOf(d.sdk.StateReason).Message)) },
	"usage-operation":             func(d *describedInstance) []string { return some(usageRunInstances) },
	"usage-operation-update-time": func(d *describedInstance) []string { return times(d.row.Created) },
	"platform-details":            func(d *describedInstance) []string { return some(platformLinux) },
	"tag-value": func(d *describedInstance) []string {
		return each(d.sdk.Tags, func(t types.Tag) string { return valueOf(t.Value) })
	},
}

var instanceHardwareFilters = instanceValues{
	"instance-type":              func(d *describedInstance) []string { return some(d.row.Type) },
	"architecture":               func(d *describedInstance) []string { return some(d.row.Arch) },
	"hypervisor":                 func(d *describedInstance) []string { return some(string(d.sdk.Hypervisor)) },
	"virtualization-type":        func(d *describedInstance) []string { return some(string(d.sdk.VirtualizationType)) },
	"root-device-name":           func(d *describedInstance) []string { return some(d.row.RootDevice) },
	"root-device-type":           func(d *describedInstance) []string { return some(string(d.sdk.RootDeviceType)) },
	"boot-mode":                  func(d *describedInstance) []string { return some(d.row.ImageBootMode) },
	"current-instance-boot-mode": func(d *describedInstance) []string { return some(d.row.BootMode) },
	"tpm-support":                func(d *describedInstance) []string { return some(d.row.TPM) },
	"ebs-optimized":              func(d *describedInstance) []string { return flag(d.row.EBSOptimized) },
	"ena-support":                func(d *describedInstance) []string { return flag(d.row.ENASupport) },
	"tenancy":                    func(d *describedInstance) []string { return some(d.row.Tenancy) },
	"block-device-mapping.attach-time": func(d *describedInstance) []string {
		return eachDevice(d, func(e *types.EbsInstanceBlockDevice) string { return stamp(e.AttachTime) })
	},
	"block-device-mapping.delete-on-termination": func(d *describedInstance) []string {
		return eachDevice(d, func(e *types.EbsInstanceBlockDevice) string {
			return strconv.FormatBool(valueOf(e.DeleteOnTermination))
		})
	},
	"block-device-mapping.device-name": func(d *describedInstance) []string {
		return each(d.sdk.BlockDeviceMappings, func(m types.InstanceBlockDeviceMapping) string { return valueOf(m.DeviceName) })
	},
	"block-device-mapping.status": func(d *describedInstance) []string {
		return eachDevice(d, func(e *types.EbsInstanceBlockDevice) string { return string(e.Status) })
	},
	"block-device-mapping.volume-id": func(d *describedInstance) []string {
		return eachDevice(d, func(e *types.EbsInstanceBlockDevice) string { return valueOf(e.VolumeId) })
	},
}

var instanceOptionFilters = instanceValues{
	"monitoring-state":                    func(d *describedInstance) []string { return some(string(d.sdk.Monitoring.State)) },
	"maintenance-options.auto-recovery":   func(d *describedInstance) []string { return some(d.row.AutoRecovery) },
	"metadata-options.state":              func(d *describedInstance) []string { return some(string(d.sdk.MetadataOptions.State)) },
	"metadata-options.http-endpoint":      func(d *describedInstance) []string { return some(d.row.Metadata.HTTPEndpoint) },
	"metadata-options.http-protocol-ipv4": func(d *describedInstance) []string { return some(d.row.Metadata.HTTPEndpoint) },
	"metadata-options.http-protocol-ipv6": func(d *describedInstance) []string { return some(d.row.Metadata.HTTPProtocolIPv6) },
	"metadata-options.http-tokens":        func(d *describedInstance) []string { return some(d.row.Metadata.HTTPTokens) },
	"metadata-options.http-put-response-hop-limit": func(d *describedInstance) []string {
		return some(strconv.Itoa(d.row.Metadata.HTTPPutResponseHopLimit))
	},
	"metadata-options.instance-metadata-tags": func(d *describedInstance) []string { return some(d.row.Metadata.InstanceMetadataTags) },
	"hibernation-options.configured":          func(*describedInstance) []string { return flag(false) },
	"enclave-options.enabled":                 func(*describedInstance) []string { return flag(false) },
	"operator.managed":                        func(*describedInstance) []string { return flag(false) },
	"network-performance-options.bandwidth-weighting": func(d *describedInstance) []string {
		return some(string(d.sdk.NetworkPerformanceOptions.BandwidthWeighting))
	},
	"capacity-reservation-specification.capacity-reservation-preference": func(d *describedInstance) []string {
		return some(string(d.sdk.CapacityReservationSpecification.CapacityReservationPreference))
	},
	"private-dns-name-options.hostname-type":                        func(d *describedInstance) []string { return some(d.row.PrivateDNSHostname) },
	"private-dns-name-options.enable-resource-name-dns-a-record":    func(*describedInstance) []string { return flag(false) },
	"private-dns-name-options.enable-resource-name-dns-aaaa-record": func(*describedInstance) []string { return flag(false) },
}

var instanceNetworkFilters = instanceValues{
	"vpc-id":             func(d *describedInstance) []string { return some(valueOf(d.sdk.VpcId)) },
	"subnet-id":          func(d *describedInstance) []string { return some(valueOf(d.sdk.SubnetId)) },
	"private-ip-address": func(d *describedInstance) []string { return some(valueOf(d.sdk.PrivateIpAddress)) },
	"private-dns-name":   func(d *describedInstance) []string { return some(valueOf(d.sdk.PrivateDnsName)) },
	"ip-address":         func(d *describedInstance) []string { return some(valueOf(d.sdk.PublicIpAddress)) },
	"dns-name":           func(d *describedInstance) []string { return some(valueOf(d.sdk.PublicDnsName)) },
	"source-dest-check": func(d *describedInstance) []string {
		if d.sdk.SourceDestCheck == nil {
			return nil
		}
		return flag(*d.sdk.SourceDestCheck)
	},
	"instance.group-id":   func(d *describedInstance) []string { return each(d.sdk.SecurityGroups, groupID) },
	"instance.group-name": func(d *describedInstance) []string { return each(d.sdk.SecurityGroups, groupName) },
}

// instanceAbsentFilters name what no instance has here, so that nothing is what truthfully matches.
var instanceAbsentFilters = absent[*describedInstance](
	"affinity",
	"capacity-reservation-id",
	"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
	"capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
	"host-id",
	"instance-lifecycle",
	"ipv6-address",
	"kernel-id",
	"operator.principal",
	"outpost-arn",
	"platform",
	"product-code",
	"product-code.type",
	"ramdisk-id",
	"requester-id",
	"spot-instance-request-id",
)

// some is a list of s, or of nothing.
func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func flag(b bool) []string { return []string{strconv.FormatBool(b)} }

// times is how AWS compares times: as text in ISO 8601 with milliseconds, so that 2026-11-23T* matches a day.
func times(t state.Time) []string { return some(stamp(timeOf(t))) }

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// each reads one text of every element and leaves out the empty ones.
func each[T any](list []T, read func(T) string) []string {
	var out []string
	for _, v := range list {
		if s := read(v); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func eachDevice(d *describedInstance, read func(*types.EbsInstanceBlockDevice) string) []string {
	return each(d.sdk.BlockDeviceMappings, func(m types.InstanceBlockDeviceMapping) string { return read(m.Ebs) })
}

func groupID(g types.GroupIdentifier) string   { return valueOf(g.GroupId) }
func groupName(g types.GroupIdentifier) string { return valueOf(g.GroupName) }
