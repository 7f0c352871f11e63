// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

var snapshotMembers = apigw.Members{
	"DescribeSnapshots":         {"SnapshotIds", "OwnerIds", "RestorableByUserIds", "Filters.*", "MaxResults", "NextToken"},
	"DescribeSnapshotAttribute": {"SnapshotId", "Attribute"},
	"DeleteSnapshot":            {"SnapshotId"},
}

var describedSnapshots = described[types.Snapshot]{
	id:      func(s types.Snapshot) string { return valueOf(s.SnapshotId) },
	tags:    func(s types.Snapshot) []types.Tag { return s.Tags },
	filters: snapshotFilters,
	limits:  page.Range{Min: 5, Max: 1000, Clamp: true},
}

// DescribeSnapshots lists the snapshots that the account owns or may make volumes from.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html
func (s *Service) DescribeSnapshots(ctx context.Context, in *sdk.DescribeSnapshotsInput) (*sdk.DescribeSnapshotsOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.Snapshot.Check(in.SnapshotIds...); err != nil {
		return nil, err
	}
	if err := checkSnapshotScope(in); err != nil {
		return nil, err
	}
	list, err := newListing(describedSnapshots, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	snapshots, err := namedSnapshots(v, call.Account, in.SnapshotIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	snapshots = slices.DeleteFunc(snapshots, func(row *state.Snapshot) bool {
		return !snapshotOwnedBy(v, call.Account, row, in.OwnerIds) || !snapshotRestorableBy(call.Account, row, in.RestorableByUserIds)
	})
	shown, next, err := list.cut(call, translate(snapshots, newRows(v, call.Account).snapshot))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeSnapshotsOutput{Snapshots: shown, NextToken: next}, nil
}

func checkSnapshotScope(in *sdk.DescribeSnapshotsInput) error {
	for _, o := range in.OwnerIds {
		if o != ownerSelf && o != aliasAmazon && !accountForm.MatchString(o) {
			return badUser(o)
		}
	}
	for _, u := range in.RestorableByUserIds {
		if u != ownerSelf && u != groupAll && !accountForm.MatchString(u) {
			return badUser(u)
		}
	}
	return nil
}

// visibleSnapshot finds a snapshot that the account owns or that is public.
func visibleSnapshot(v *state.View, account, id string) (*state.Snapshot, bool) {
	s, ok := state.Snapshots.Get(v, state.AnyAccount, id)
	if !ok || s.AccountID != account && !s.Public {
		return nil, false
	}
	return s, true
}

func namedSnapshots(v *state.View, account string, wanted []string) ([]*state.Snapshot, error) {
	if len(wanted) > 0 {
		return pick(ids.Snapshot, wanted, func(id string) (*state.Snapshot, bool) { return visibleSnapshot(v, account, id) })
	}
	var out []*state.Snapshot
	for s := range state.Snapshots.All(v) {
		if s.AccountID == account || s.Public {
			out = append(out, s)
		}
	}
	return out, nil
}

func snapshotOwnedBy(v *state.View, account string, s *state.Snapshot, owners []string) bool {
	return len(owners) == 0 || slices.ContainsFunc(owners, func(o string) bool {
		switch o {
		case ownerSelf:
			return s.AccountID == account
		case aliasAmazon:
			owner, ok := state.Accounts.Get(v, state.AnyAccount, s.AccountID)
			return ok && owner.System
		}
		return s.AccountID == o
	})
}

// snapshotRestorableBy knows two permissions: the owner's own, and everybody's for a public snapshot.
func snapshotRestorableBy(account string, s *state.Snapshot, users []string) bool {
	return len(users) == 0 || slices.ContainsFunc(users, func(u string) bool {
		if u == groupAll {
			return s.Public
		}
		return (u == ownerSelf || u == account) && s.AccountID == account
	})
}

// ownedSnapshot finds a snapshot of the caller's and authorizes the call for it.
func (s *Service) ownedSnapshot(ctx context.Context, call *apigw.Call, id string) (*state.Snapshot, error) {
	if id == "" {
		return nil, awserr.MissingParameter("SnapshotId")
	}
	if err := ids.Snapshot.Check(id); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	row, ok := visibleSnapshot(v, call.Account, id)
	if !ok {
		return nil, ids.Snapshot.Missing(id)
	}
	if row.AccountID != call.Account {
		return nil, awserr.UnauthorizedOperation()
	}
	return row, call.Authorize(resource(call, v, types.ResourceTypeSnapshot, id))
}

// DescribeSnapshotAttribute shows one attribute of a snapshot to its owner.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotAttribute.html
func (s *Service) DescribeSnapshotAttribute(ctx context.Context, in *sdk.DescribeSnapshotAttributeInput) (*sdk.DescribeSnapshotAttributeOutput, error) {
	call := apigw.CallFrom(ctx)
	if in.Attribute == "" {
		return nil, awserr.MissingParameter("Attribute")
	}
	if err := checkEnum("Attribute", in.Attribute); err != nil {
		return nil, err
	}
	row, err := s.ownedSnapshot(ctx, call, valueOf(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeSnapshotAttributeOutput{SnapshotId: aws.String(row.ID)}
	if in.Attribute == types.SnapshotAttributeNameProductCodes {
		out.ProductCodes = []types.ProductCode{}
		return out, nil
	}
	out.CreateVolumePermissions = []types.CreateVolumePermission{}
	if row.Public {
		out.CreateVolumePermissions = append(out.CreateVolumePermissions, types.CreateVolumePermission{Group: types.PermissionGroupAll})
	}
	return out, nil
}

// DeleteSnapshot deletes a snapshot that no image uses; the state machine knows which do.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html
func (s *Service) DeleteSnapshot(ctx context.Context, in *sdk.DeleteSnapshotInput) (*sdk.DeleteSnapshotOutput, error) {
	call := apigw.CallFrom(ctx)
	row, err := s.ownedSnapshot(ctx, call, valueOf(in.SnapshotId))
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.DeleteSnapshot{AccountID: call.Account, SnapshotID: row.ID}, nil); err != nil {
		return nil, fmt.Errorf("delete snapshot %s: %w", row.ID, err)
	}
	return &sdk.DeleteSnapshotOutput{}, nil
}
