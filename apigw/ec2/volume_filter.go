// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// volumeFilters are DescribeVolumes' filters, by the names of the API reference.
var volumeFilters = mergeFilters(map[string]func(types.Volume) []string{
	"attachment.attach-time": ofAttachment(func(a types.VolumeAttachment) string { return stamp(a.AttachTime) }),
	"attachment.delete-on-termination": ofAttachment(func(a types.VolumeAttachment) string {
		return strconv.FormatBool(valueOf(a.DeleteOnTermination))
	}),
	"attachment.device":      ofAttachment(func(a types.VolumeAttachment) string { return valueOf(a.Device) }),
	"attachment.instance-id": ofAttachment(func(a types.VolumeAttachment) string { return valueOf(a.InstanceId) }),
	"attachment.status":      ofAttachment(func(a types.VolumeAttachment) string { return string(a.State) }),
	"availability-zone":      func(v types.Volume) []string { return some(valueOf(v.AvailabilityZone)) },
	"availability-zone-id":   func(v types.Volume) []string { return some(valueOf(v.AvailabilityZoneId)) },
	"create-time":            func(v types.Volume) []string { return some(stamp(v.CreateTime)) },
	"encrypted":              func(v types.Volume) []string { return flag(valueOf(v.Encrypted)) },
	"fast-restored":          func(types.Volume) []string { return flag(false) },
	"multi-attach-enabled":   func(v types.Volume) []string { return flag(valueOf(v.MultiAttachEnabled)) },
	"operator.managed":       func(types.Volume) []string { return flag(false) },
	"size":                   func(v types.Volume) []string { return some(strconv.Itoa(int(valueOf(v.Size)))) },
	"snapshot-id":            func(v types.Volume) []string { return some(valueOf(v.SnapshotId)) },
	"status":                 func(v types.Volume) []string { return some(string(v.State)) },
	"volume-id":              func(v types.Volume) []string { return some(valueOf(v.VolumeId)) },
	"volume-type":            func(v types.Volume) []string { return some(string(v.VolumeType)) },
}, absent[types.Volume]("operator.principal"))

func ofAttachment(read func(types.VolumeAttachment) string) func(types.Volume) []string {
	return func(v types.Volume) []string { return each(v.Attachments, read) }
}

// volumeStatusFilters are DescribeVolumeStatus's filters. There are no events and no actions.
var volumeStatusFilters = mergeFilters(map[string]func(types.VolumeStatusItem) []string{
	"availability-zone":    func(s types.VolumeStatusItem) []string { return some(valueOf(s.AvailabilityZone)) },
	"volume-status.status": func(s types.VolumeStatusItem) []string { return some(string(s.VolumeStatus.Status)) },
	"volume-status.details-name": func(s types.VolumeStatusItem) []string {
		return each(s.VolumeStatus.Details, func(d types.VolumeStatusDetails) string { return string(d.Name) })
	},
	"volume-status.details-status": func(s types.VolumeStatusItem) []string {
		return each(s.VolumeStatus.Details, func(d types.VolumeStatusDetails) string { return valueOf(d.Status) })
	},
}, absent[types.VolumeStatusItem]("action.code", "action.description", "action.event-id", "event.description", "event.event-id",
	"event.event-type", "event.not-after", "event.not-before"))

// snapshotFilters are DescribeSnapshots' filters.
var snapshotFilters = mergeFilters(map[string]func(types.Snapshot) []string{
	"description":  func(s types.Snapshot) []string { return some(valueOf(s.Description)) },
	"encrypted":    func(s types.Snapshot) []string { return flag(valueOf(s.Encrypted)) },
	"owner-alias":  func(s types.Snapshot) []string { return some(valueOf(s.OwnerAlias)) },
	"owner-id":     func(s types.Snapshot) []string { return some(valueOf(s.OwnerId)) },
	"progress":     func(s types.Snapshot) []string { return some(valueOf(s.Progress)) },
	"snapshot-id":  func(s types.Snapshot) []string { return some(valueOf(s.SnapshotId)) },
	"start-time":   func(s types.Snapshot) []string { return some(stamp(s.StartTime)) },
	"status":       func(s types.Snapshot) []string { return some(string(s.State)) },
	"storage-tier": func(s types.Snapshot) []string { return some(string(s.StorageTier)) },
	"volume-id":    func(s types.Snapshot) []string { return some(valueOf(s.VolumeId)) },
	"volume-size":  func(s types.Snapshot) []string { return some(strconv.Itoa(int(valueOf(s.VolumeSize)))) },
}, absent[types.Snapshot]("transfer-type"))
