// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// imageTime is the form in which DescribeImages writes times: they are strings in the model.
const imageTime = "2006-01-02T15:04:05.000Z"

// protectionDisabled is the deregistration protection of every image: there is none.
const protectionDisabled = "disabled"

// image is an image as DescribeImages shows it. When it was last launched is the owner's business alone.
func (r rows) image(i *state.Image) types.Image {
	out := types.Image{
		ImageId: aws.String(i.ID), Name: aws.String(i.Name), Description: optional(i.Description), OwnerId: aws.String(i.AccountID),
		ImageOwnerAlias: r.ownerAlias(i.AccountID), ImageLocation: aws.String(imageLocation(i)), State: types.ImageState(i.State),
		CreationDate: imageTimeOf(i.Created), DeprecationTime: imageTimeOf(i.Deprecation), Public: aws.Bool(i.Public),
		Architecture: types.ArchitectureValues(i.Arch), ImageType: types.ImageTypeValuesMachine, BootMode: types.BootModeValues(i.BootMode),
		TpmSupport: types.TpmSupportValues(i.TPM), ImdsSupport: types.ImdsSupportValues(i.IMDS), EnaSupport: aws.Bool(i.ENASupport),
		SriovNetSupport: optional(i.SriovNetSupport), Hypervisor: types.HypervisorTypeXen, VirtualizationType: types.VirtualizationTypeHvm,
		RootDeviceName: optional(i.RootDevice), RootDeviceType: types.DeviceTypeEbs, Platform: platformOf(i),
		PlatformDetails: aws.String(platformLinux), UsageOperation: aws.String(usageRunInstances), FreeTierEligible: aws.Bool(false),
		DeregistrationProtection: aws.String(protectionDisabled), SourceImageId: optional(i.SourceImageID),
		BlockDeviceMappings: imageMappings(i), Tags: r.tags(i.ID),
	}
	if i.SourceImageID != "" {
		out.SourceImageRegion = aws.String(r.region.Name)
	}
	if i.Platform != "" {
		out.PlatformDetails, out.UsageOperation = aws.String("Windows"), aws.String("RunInstances:0002")
	}
	if i.AccountID == r.account {
		out.LastLaunchedTime = imageTimeOf(i.LastLaunched)
	}
	return out
}

// imageLocation is the owner and the name, unless the image was registered with another.
func imageLocation(i *state.Image) string {
	if i.Location != "" {
		return i.Location
	}
	return i.AccountID + "/" + i.Name
}

func platformOf(i *state.Image) types.PlatformValues {
	if i.Platform == "" {
		return ""
	}
	return types.PlatformValuesWindows
}

func imageTimeOf(t state.Time) *string {
	if t.IsZero() {
		return nil
	}
	return aws.String(t.Std().Format(imageTime))
}

// imageMappings is the image's block device mapping.
func imageMappings(i *state.Image) []types.BlockDeviceMapping {
	out := []types.BlockDeviceMapping{}
	for _, d := range i.Devices {
		m := types.BlockDeviceMapping{DeviceName: aws.String(d.Name), VirtualName: optional(d.VirtualName)}
		if d.VirtualName == "" {
			m.Ebs = &types.EbsBlockDevice{
				SnapshotId: optional(d.SnapshotID), VolumeSize: positive(d.SizeGiB), VolumeType: types.VolumeType(d.Type),
				Iops: positive(d.IOPS), Throughput: positive(d.Throughput), DeleteOnTermination: aws.Bool(d.DeleteOnTermination),
				Encrypted: aws.Bool(false),
			}
		}
		out = append(out, m)
	}
	return out
}
