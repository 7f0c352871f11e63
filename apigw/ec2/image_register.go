// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/fsm/state"
)

// What an image may say of itself, see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
const (
	archX86           = "x86_64"
	virtualizationHVM = "hvm"
	sriovSimple       = "simple"
	defaultRootDevice = "/dev/sda1"
	maxDescription    = 255 // characters
)

var (
	imageName     = regexp.MustCompile(`^[a-zA-Z0-9()\[\] ./\-'@_]{3,128}$`)
	ephemeralName = regexp.MustCompile(`^ephemeral([0-9]|1[0-9]|2[0-3])$`)
)

// imageOf checks RegisterImage's input and turns it into a row. AWS's defaults of architecture and virtualization (i386,
// paravirtual) are of machines that Hive has not got; left out, they mean the only ones there are.
func imageOf(v *state.View, account string, in *ec2.RegisterImageInput) (*state.Image, error) {
	if err := checkImageName(valueOf(in.Name)); err != nil {
		return nil, err
	}
	if err := checkImageOptions(in); err != nil {
		return nil, err
	}
	i := &state.Image{
		ID: ids.Image.New(), AccountID: account, Name: *in.Name, Description: valueOf(in.Description), Arch: archX86,
		RootDevice: valueOr(in.RootDeviceName, defaultRootDevice), BootMode: string(in.BootMode), TPM: string(in.TpmSupport),
		IMDS: string(in.ImdsSupport), SriovNetSupport: valueOf(in.SriovNetSupport), ENASupport: valueOf(in.EnaSupport),
	}
	var err error
	if i.Devices, err = registeredDevices(v, account, i.RootDevice, in.BlockDeviceMappings); err != nil {
		return nil, err
	}
	return i, nil
}

func checkImageName(name string) error {
	if name == "" {
		return awserr.MissingParameter("Name")
	}
	if !imageName.MatchString(name) {
		return awserr.New("InvalidAMIName.Malformed",
			"AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'")
	}
	return nil
}

// checkImageOptions checks every member but the name and the devices.
func checkImageOptions(in *ec2.RegisterImageInput) error {
	if err := firstError(
		checkEnum("BootMode", in.BootMode), checkEnum("TpmSupport", in.TpmSupport), checkEnum("ImdsSupport", in.ImdsSupport),
		checkEnum("Architecture", in.Architecture), checkEnum("VirtualizationType", types.VirtualizationType(valueOf(in.VirtualizationType))),
		checkDescription(valueOf(in.Description)),
	); err != nil {
		return err
	}
	switch {
	case valueOr(in.SriovNetSupport, sriovSimple) != sriovSimple:
		return awserr.InvalidParameterValue("Invalid value '%s' for SriovNetSupport", *in.SriovNetSupport)
	case in.Architecture != "" && in.Architecture != archX86:
		return awserr.NotSupportedValue("Architecture", string(in.Architecture), archX86)
	case valueOf(in.VirtualizationType) != "" && *in.VirtualizationType != virtualizationHVM:
		return awserr.NotSupportedValue("VirtualizationType", *in.VirtualizationType, virtualizationHVM)
	case in.TpmSupport != "" && in.BootMode != types.BootModeValuesUefi:
		return awserr.InvalidParameterCombination("TpmSupport v2.0 requires the BootMode uefi.")
	}
	return nil
}

func checkDescription(text string) error {
	if len([]rune(text)) > maxDescription {
		return awserr.InvalidParameterValue("Value for parameter description is invalid. A description may have up to %d characters.", maxDescription)
	}
	return nil
}

// registeredDevices is the image's block device mapping, resolved against its snapshots. The root device is among them
// and comes from a snapshot.
func registeredDevices(v *state.View, account, root string, asked []types.BlockDeviceMapping) ([]state.ImageDevice, error) {
	if len(asked) == 0 {
		return nil, awserr.MissingParameter("BlockDeviceMapping")
	}
	var out []state.ImageDevice
	for _, m := range asked {
		d, err := registeredDevice(v, account, root, m)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o state.ImageDevice) bool { return o.Name == d.Name }) {
			return nil, awserr.New("InvalidBlockDeviceMapping", "The device '%s' is used in more than one block-device mapping", d.Name)
		}
		if !d.NoDevice {
			out = append(out, d)
		}
	}
	at := slices.IndexFunc(out, func(d state.ImageDevice) bool { return d.Name == root })
	if at < 0 || out[at].SnapshotID == "" {
		return nil, awserr.New("InvalidBlockDeviceMapping", "The root device '%s' must be in the block device mapping and name a snapshot", root)
	}
	return out, nil
}

func registeredDevice(v *state.View, account, root string, m types.BlockDeviceMapping) (state.ImageDevice, error) {
	d := state.ImageDevice{Name: valueOf(m.DeviceName), VirtualName: valueOf(m.VirtualName), NoDevice: m.NoDevice != nil}
	switch {
	case d.Name == "":
		return d, awserr.MissingParameter("BlockDeviceMapping.DeviceName")
	case !deviceName.MatchString(d.Name):
		return d, awserr.InvalidParameterValue("Value (%s) for parameter device is invalid. %s is not a valid EBS device name.", d.Name, d.Name)
	case d.NoDevice:
		return d, nil
	case d.VirtualName != "" && m.Ebs != nil:
		return d, awserr.New("InvalidBlockDeviceMapping", "The device '%s' may not have both a VirtualName and an Ebs specification", d.Name)
	case d.VirtualName != "" && !ephemeralName.MatchString(d.VirtualName):
		return d, awserr.InvalidParameterValue("Value (%s) for parameter VirtualName is invalid. Expected: 'ephemeral0' to 'ephemeral23'.", d.VirtualName)
	case d.VirtualName != "":
		return d, nil
	case m.Ebs == nil:
		return d, awserr.New("InvalidBlockDeviceMapping", "The device '%s' has no Ebs specification", d.Name)
	}
	// The rules for a volume are those of a launch; only the root's snapshot is given here, not inherited.
	volume := launchDevice{name: d.Name, deleteOnTermination: d.Name == root}
	if err := volume.overlay(m.Ebs, false); err != nil {
		return d, err
	}
	if err := volume.resolve(v, account, root); err != nil {
		return d, err
	}
	d.SnapshotID, d.DeleteOnTermination = volume.snapshotID, volume.deleteOnTermination
	d.SizeGiB, d.Type, d.IOPS, d.Throughput = volume.volume.sizeGiB, volume.volume.kind, volume.volume.iops, volume.volume.throughput
	return d, nil
}
