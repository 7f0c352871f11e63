// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/fsm/state"
)

// deviceName is what EC2 accepts as the name of a volume's device.
var deviceName = regexp.MustCompile(`^(/dev/)?(sd|xvd|hd)[a-z]{1,2}([1-9][0-9]?)?$`)

// launchDevice is one volume that an instance starts with.
type launchDevice struct {
	name                string
	snapshotID          string
	deleteOnTermination bool
	volume              volumeSpec
	inherited           bool // the snapshot comes from the image, which the account may launch
}

// launchDevices is the image's block device mapping with the request's laid over it, root device first. Entries of
// the request replace what they name and keep the rest of the image's entry.
func launchDevices(v *state.View, account string, image *state.Image, asked []types.BlockDeviceMapping) ([]launchDevice, error) {
	devices := imageDevices(image)
	seen := map[string]bool{}
	for _, m := range asked {
		name := valueOf(m.DeviceName)
		if name == "" {
			return nil, awserr.MissingParameter("BlockDeviceMapping.DeviceName")
		}
		if !deviceName.MatchString(name) {
			return nil, awserr.InvalidParameterValue("Value (%s) for parameter device is invalid. %s is not a valid EBS device name.", name, name)
		}
		if seen[name] {
			return nil, awserr.New("InvalidBlockDeviceMapping", "The device '%s' is used in more than one block-device mapping", name)
		}
		seen[name] = true
		var err error
		if devices, err = overlayDevice(devices, image.RootDevice, m); err != nil {
			return nil, err
		}
	}
	for i := range devices {
		if err := devices[i].resolve(v, account, image.RootDevice); err != nil {
			return nil, err
		}
	}
	return devices, nil
}

// imageDevices are the volumes that the image asks for, root first. Instance store entries ask for nothing here: no
// instance type has an instance store.
func imageDevices(image *state.Image) []launchDevice {
	var out []launchDevice
	for _, d := range image.Devices {
		if d.NoDevice || d.VirtualName != "" {
			continue
		}
		v := volumeSpec{sizeGiB: d.SizeGiB, kind: d.Type}
		if t, _ := lookupVolumeType(d.Type); t.maxIOPS > 0 {
			v.iops, v.throughput = d.IOPS, d.Throughput
		}
		out = append(out, launchDevice{name: d.Name, snapshotID: d.SnapshotID, deleteOnTermination: d.DeleteOnTermination, inherited: true, volume: v})
	}
	slices.SortStableFunc(out, func(a, b launchDevice) int { return rank(a, image) - rank(b, image) })
	return out
}

func rank(d launchDevice, image *state.Image) int {
	if d.name == image.RootDevice {
		return 0
	}
	return 1
}

// overlayDevice lays one entry of the request over the devices.
func overlayDevice(devices []launchDevice, root string, m types.BlockDeviceMapping) ([]launchDevice, error) {
	name := valueOf(m.DeviceName)
	at := slices.IndexFunc(devices, func(d launchDevice) bool { return d.name == name })
	if m.NoDevice != nil {
		if m.Ebs != nil {
			return nil, awserr.New("InvalidBlockDeviceMapping", "The device '%s' may not have both a NoDevice and an Ebs specification", name)
		}
		if name == root {
			return nil, awserr.New("InvalidBlockDeviceMapping", "The root device '%s' cannot be left out of the block device mapping", name)
		}
		if at >= 0 {
			devices = slices.Delete(devices, at, at+1)
		}
		return devices, nil
	}
	if m.Ebs == nil {
		return nil, awserr.New("InvalidBlockDeviceMapping", "The device '%s' has no Ebs specification", name)
	}
	if at < 0 {
		// "By default, Amazon EC2 deletes all EBS volumes that were attached when the instance launched" (API_TerminateInstances).
		devices = append(devices, launchDevice{name: name, deleteOnTermination: true})
		at = len(devices) - 1
	}
	return devices, devices[at].overlay(m.Ebs, name == root)
}

// overlay lays the given members of an Ebs specification over the device.
func (d *launchDevice) overlay(e *types.EbsBlockDevice, root bool) error {
	if id := valueOf(e.SnapshotId); id != "" && id != d.snapshotID {
		if root {
			return awserr.New("InvalidBlockDeviceMapping", "snapshotId cannot be modified on root device")
		}
		if err := ids.Snapshot.Check(id); err != nil {
			return err
		}
		d.snapshotID, d.inherited, d.volume.sizeGiB = id, false, 0
	}
	if kind := string(e.VolumeType); kind != "" && kind != d.volume.kind {
		// The image's performance belongs to the image's volume type.
		d.volume.kind, d.volume.iops, d.volume.throughput = kind, 0, 0
	}
	if e.VolumeSize != nil {
		d.volume.sizeGiB = int64(*e.VolumeSize)
		if d.volume.sizeGiB <= 0 {
			return awserr.InvalidParameterValue("Value (%d) for parameter VolumeSize is invalid. The volume size must be greater than zero.", *e.VolumeSize)
		}
	}
	if e.Iops != nil {
		if d.volume.iops = int64(*e.Iops); d.volume.iops <= 0 {
			return awserr.InvalidParameterValue("Value (%d) for parameter Iops is invalid. The iops must be greater than zero.", *e.Iops)
		}
	}
	if e.Throughput != nil {
		if d.volume.throughput = int64(*e.Throughput); d.volume.throughput <= 0 {
			return awserr.InvalidParameterValue("Value (%d) for parameter Throughput is invalid. The throughput must be greater than zero.", *e.Throughput)
		}
	}
	d.deleteOnTermination = valueOr(e.DeleteOnTermination, d.deleteOnTermination)
	return nil
}

// resolve fills the defaults in and checks the device against its snapshot and its volume type.
func (d *launchDevice) resolve(v *state.View, account, root string) error {
	if d.snapshotID == "" && d.volume.sizeGiB == 0 {
		return awserr.New("InvalidBlockDeviceMapping", "Either snapshot ID or volume size must be provided for: %s", d.name)
	}
	if d.snapshotID != "" {
		if err := d.fitSnapshot(v, account); err != nil {
			return err
		}
	}
	if d.volume.kind == "" {
		d.volume.kind = v.SettingValue(state.SettingVolumeType)
	}
	var err error
	if d.volume, err = d.volume.resolve(); err != nil {
		return err
	}
	if t, _ := lookupVolumeType(d.volume.kind); d.name == root && !t.boot {
		return awserr.InvalidParameterCombination("Volumes of type %s cannot be used as a root device.", d.volume.kind)
	}
	return nil
}

// fitSnapshot checks that the snapshot is there and that the volume holds it. A snapshot that the image refers to may
// belong to the image's owner.
func (d *launchDevice) fitSnapshot(v *state.View, account string) error {
	snap, ok := state.Snapshots.Get(v, state.AnyAccount, d.snapshotID)
	if !ok || !d.inherited && !snap.Public && snap.AccountID != account {
		return awserr.New("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", d.snapshotID)
	}
	if snap.State != state.SnapshotCompleted {
		return awserr.New("IncorrectState", "Snapshot is in invalid state - %s", snap.State)
	}
	if d.volume.sizeGiB == 0 {
		d.volume.sizeGiB = snap.SizeGiB
	}
	if d.volume.sizeGiB < snap.SizeGiB {
		return awserr.New("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB",
			d.volume.sizeGiB, d.snapshotID, snap.SizeGiB)
	}
	return nil
}
