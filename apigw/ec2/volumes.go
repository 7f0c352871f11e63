// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

var volumeMembers = apigw.Members{
	"DescribeVolumes":         {"VolumeIds", "Filters.*", "MaxResults", "NextToken", "IncludeManagedResources"},
	"DescribeVolumeStatus":    {"VolumeIds", "Filters.*", "MaxResults", "NextToken", "IncludeManagedResources"},
	"DescribeVolumeAttribute": {"VolumeId", "Attribute"},
}

// volumePages are the pages of DescribeVolumes and DescribeVolumeStatus.
var volumePages = page.Range{Min: 5, Max: 1000, Clamp: true}

var describedVolumes = described[types.Volume]{
	id:      func(v types.Volume) string { return valueOf(v.VolumeId) },
	tags:    func(v types.Volume) []types.Tag { return v.Tags },
	filters: volumeFilters,
	limits:  volumePages,
}

// DescribeVolumes lists volumes. No service manages resources here, so IncludeManagedResources changes nothing.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html
func (s *Service) DescribeVolumes(ctx context.Context, in *sdk.DescribeVolumesInput) (*sdk.DescribeVolumesOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.Volume.Check(in.VolumeIds...); err != nil {
		return nil, err
	}
	list, err := newListing(describedVolumes, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, volumes, err := s.namedVolumes(ctx, call, in.VolumeIds)
	if err != nil {
		return nil, err
	}
	shown, next, err := list.cut(call, translate(volumes, newRows(v, call.Account).volume))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeVolumesOutput{Volumes: shown, NextToken: next}, nil
}

// namedVolumes are the account's volumes, all or those named, for a call that it authorizes.
func (s *Service) namedVolumes(ctx context.Context, call *apigw.Call, wanted []string) (*state.View, []*state.Volume, error) {
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	volumes, err := owned(v, call.Account, ids.Volume, state.Volumes, wanted)
	if err != nil {
		return nil, nil, err
	}
	return v, volumes, call.Authorize()
}

// owned are the rows of an account: those that the caller names, or all.
func owned[R any](v *state.View, account string, family ids.Family, table *state.Table[R], wanted []string) ([]*R, error) {
	if len(wanted) == 0 {
		return slices.Collect(table.Of(v, account)), nil
	}
	return pick(family, wanted, func(id string) (*R, bool) { return table.Get(v, account, id) })
}

var describedVolumeStatus = described[types.VolumeStatusItem]{
	id:      func(v types.VolumeStatusItem) string { return valueOf(v.VolumeId) },
	filters: volumeStatusFilters,
	limits:  volumePages,
}

// DescribeVolumeStatus tells whether volumes are fit for I/O.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeStatus.html
func (s *Service) DescribeVolumeStatus(ctx context.Context, in *sdk.DescribeVolumeStatusInput) (*sdk.DescribeVolumeStatusOutput, error) {
	call := apigw.CallFrom(ctx)
	if err := ids.Volume.Check(in.VolumeIds...); err != nil {
		return nil, err
	}
	list, err := newListing(describedVolumeStatus, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	v, volumes, err := s.namedVolumes(ctx, call, in.VolumeIds)
	if err != nil {
		return nil, err
	}
	shown, next, err := list.cut(call, translate(volumes, newRows(v, call.Account).volumeStatus))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeVolumeStatusOutput{VolumeStatuses: shown, NextToken: next}, nil
}

// DescribeVolumeAttribute shows one attribute of a volume. I/O of a doubtful volume is never enabled by itself.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumeAttribute.html
func (s *Service) DescribeVolumeAttribute(ctx context.Context, in *sdk.DescribeVolumeAttributeInput) (*sdk.DescribeVolumeAttributeOutput, error) {
	call := apigw.CallFrom(ctx)
	id := valueOf(in.VolumeId)
	switch {
	case id == "":
		return nil, awserr.MissingParameter("VolumeId")
	case in.Attribute == "":
		return nil, awserr.MissingParameter("Attribute")
	}
	if err := firstError(ids.Volume.Check(id), checkEnum("Attribute", in.Attribute)); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := owned(v, call.Account, ids.Volume, state.Volumes, []string{id}); err != nil {
		return nil, err
	}
	if err := call.Authorize(resource(call, v, types.ResourceTypeVolume, id)); err != nil {
		return nil, err
	}
	out := &sdk.DescribeVolumeAttributeOutput{VolumeId: aws.String(id)}
	if in.Attribute == types.VolumeAttributeNameAutoEnableIO {
		out.AutoEnableIO = &types.AttributeBooleanValue{Value: aws.Bool(false)}
		return out, nil
	}
	out.ProductCodes = []types.ProductCode{}
	return out, nil
}
