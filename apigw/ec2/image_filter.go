// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// imageFilters are DescribeImages' filters, by the names of the API reference.
var imageFilters = mergeFilters(map[string]func(types.Image) []string{
	"architecture":        func(i types.Image) []string { return some(string(i.Architecture)) },
	"creation-date":       func(i types.Image) []string { return some(valueOf(i.CreationDate)) },
	"description":         func(i types.Image) []string { return some(valueOf(i.Description)) },
	"ena-support":         func(i types.Image) []string { return flag(valueOf(i.EnaSupport)) },
	"free-tier-eligible":  func(i types.Image) []string { return flag(valueOf(i.FreeTierEligible)) },
	"hypervisor":          func(i types.Image) []string { return some(string(i.Hypervisor)) },
	"image-id":            func(i types.Image) []string { return some(valueOf(i.ImageId)) },
	"image-type":          func(i types.Image) []string { return some(string(i.ImageType)) },
	"is-public":           func(i types.Image) []string { return flag(valueOf(i.Public)) },
	"manifest-location":   func(i types.Image) []string { return some(valueOf(i.ImageLocation)) },
	"name":                func(i types.Image) []string { return some(valueOf(i.Name)) },
	"owner-alias":         func(i types.Image) []string { return some(valueOf(i.ImageOwnerAlias)) },
	"owner-id":            func(i types.Image) []string { return some(valueOf(i.OwnerId)) },
	"platform":            func(i types.Image) []string { return some(string(i.Platform)) },
	"root-device-name":    func(i types.Image) []string { return some(valueOf(i.RootDeviceName)) },
	"root-device-type":    func(i types.Image) []string { return some(string(i.RootDeviceType)) },
	"source-image-id":     func(i types.Image) []string { return some(valueOf(i.SourceImageId)) },
	"source-image-region": func(i types.Image) []string { return some(valueOf(i.SourceImageRegion)) },
	"sriov-net-support":   func(i types.Image) []string { return some(valueOf(i.SriovNetSupport)) },
	"state":               func(i types.Image) []string { return some(string(i.State)) },
	"virtualization-type": func(i types.Image) []string { return some(string(i.VirtualizationType)) },
}, imageDeviceFilters, absent[types.Image](
	// Allowed AMIs is off, and there are no kernels, marketplace products, failed images or images of instances.
	"image-allowed", "kernel-id", "product-code", "product-code.type", "ramdisk-id", "source-instance-id", "state-reason-code", "state-reason-message",
))

// imageDeviceFilters look at the EBS entries of the block device mapping.
var imageDeviceFilters = map[string]func(types.Image) []string{
	"block-device-mapping.device-name": func(i types.Image) []string {
		return each(i.BlockDeviceMappings, func(m types.BlockDeviceMapping) string { return valueOf(m.DeviceName) })
	},
	"block-device-mapping.delete-on-termination": ofVolumes(func(e types.EbsBlockDevice) string { return strconv.FormatBool(valueOf(e.DeleteOnTermination)) }),
	"block-device-mapping.encrypted":             ofVolumes(func(e types.EbsBlockDevice) string { return strconv.FormatBool(valueOf(e.Encrypted)) }),
	"block-device-mapping.snapshot-id":           ofVolumes(func(e types.EbsBlockDevice) string { return valueOf(e.SnapshotId) }),
	"block-device-mapping.volume-size":           ofVolumes(func(e types.EbsBlockDevice) string { return strconv.Itoa(int(valueOf(e.VolumeSize))) }),
	"block-device-mapping.volume-type":           ofVolumes(func(e types.EbsBlockDevice) string { return string(e.VolumeType) }),
}

func ofVolumes(read func(types.EbsBlockDevice) string) func(types.Image) []string {
	return func(i types.Image) []string {
		return each(i.BlockDeviceMappings, func(m types.BlockDeviceMapping) string {
			if m.Ebs == nil {
				return ""
			}
			return read(*m.Ebs)
		})
	}
}

// absent are filters on what no resource of the kind has here, so that nothing is what truthfully matches.
func absent[T any](names ...string) map[string]func(T) []string {
	out := map[string]func(T) []string{}
	for _, name := range names {
		out[name] = func(T) []string { return nil }
	}
	return out
}
