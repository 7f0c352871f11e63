// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

// snapshot is a snapshot as DescribeSnapshots shows it. EC2 writes an empty description, never none.
func (r rows) snapshot(s *state.Snapshot) types.Snapshot {
	return types.Snapshot{
		SnapshotId: aws.String(s.ID), VolumeId: aws.String(s.VolumeID), VolumeSize: aws.Int32(int32(s.SizeGiB)),
		OwnerId: aws.String(s.AccountID), OwnerAlias: r.ownerAlias(s.AccountID), State: types.SnapshotState(s.State),
		Progress: aws.String(progressOf(s)), Description: aws.String(s.Description), Encrypted: aws.Bool(false),
		StartTime: timeOf(s.Started), CompletionTime: timeOf(s.Completed), StorageTier: types.StorageTierStandard,
		FullSnapshotSizeInBytes: aws.Int64(s.Bytes), Tags: r.tags(s.ID),
	}
}

// progressOf is all or nothing: a snapshot's bytes are counted when they are all there.
func progressOf(s *state.Snapshot) string {
	if s.State == state.SnapshotCompleted {
		return "100%"
	}
	return "0%"
}
