// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// volume is a volume as DescribeVolumes shows it. EC2 writes an empty snapshot id, never none.
func (r rows) volume(v *state.Volume) types.Volume {
	out := types.Volume{
		VolumeId: aws.String(v.ID), Size: aws.Int32(int32(v.SizeGiB)), VolumeType: types.VolumeType(v.Type), Iops: positive(v.IOPS),
		Throughput: positive(v.Throughput), SnapshotId: aws.String(v.SnapshotID), State: types.VolumeState(v.State),
		AvailabilityZone: aws.String(v.Zone), AvailabilityZoneId: optional(r.zoneID(v.Zone)), CreateTime: timeOf(v.Created),
		Encrypted: aws.Bool(false), MultiAttachEnabled: aws.Bool(false), Operator: unmanaged(),
		Attachments: []types.VolumeAttachment{}, Tags: r.tags(v.ID),
	}
	if a := v.Attachment; a != nil {
		out.Attachments = append(out.Attachments, types.VolumeAttachment{
			VolumeId: aws.String(v.ID), InstanceId: aws.String(a.InstanceID), Device: aws.String(a.Device),
			State: types.VolumeAttachmentState(a.State), AttachTime: timeOf(a.Attached), DeleteOnTermination: aws.Bool(a.DeleteOnTermination),
		})
	}
	return out
}

// volumeStatus is what the checks say of a volume. There is no check of speed, hence not-applicable.
func (r rows) volumeStatus(v *state.Volume) types.VolumeStatusItem {
	status, enabled := types.VolumeStatusInfoStatusOk, "passed"
	switch v.State {
	case state.VolumeCreating, state.VolumeDeleting:
		status, enabled = types.VolumeStatusInfoStatusInsufficientData, "insufficient-data"
	case state.VolumeError:
		status, enabled = types.VolumeStatusInfoStatusImpaired, "failed"
	}
	return types.VolumeStatusItem{
		VolumeId: aws.String(v.ID), AvailabilityZone: aws.String(v.Zone), AvailabilityZoneId: optional(r.zoneID(v.Zone)),
		Actions: []types.VolumeStatusAction{}, Events: []types.VolumeStatusEvent{}, Operator: unmanaged(),
		VolumeStatus: &types.VolumeStatusInfo{Status: status, Details: []types.VolumeStatusDetails{
			{Name: types.VolumeStatusNameIoEnabled, Status: aws.String(enabled)},
			{Name: types.VolumeStatusNameIoPerformance, Status: aws.String("not-applicable")},
		}},
	}
}
