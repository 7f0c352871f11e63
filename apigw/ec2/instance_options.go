// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
)

// ModifyInstanceMetadataOptions changes the IMDS settings of an instance; what is not given stays.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html
func (s *Service) ModifyInstanceMetadataOptions(ctx context.Context, in *sdk.ModifyInstanceMetadataOptionsInput) (*sdk.ModifyInstanceMetadataOptionsOutput, error) {
	if err := firstError(checkEnum("HttpTokens", in.HttpTokens), checkEnum("HttpEndpoint", in.HttpEndpoint),
		checkEnum("HttpProtocolIpv6", in.HttpProtocolIpv6), checkEnum("InstanceMetadataTags", in.InstanceMetadataTags)); err != nil {
		return nil, err
	}
	t, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	options, err := metadataChange{in.HttpTokens, in.HttpEndpoint, in.HttpPutResponseHopLimit, in.HttpProtocolIpv6, in.InstanceMetadataTags}.over(i.Metadata)
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.ModifyInstance{AccountID: t.call.Account, InstanceID: i.ID, Metadata: &options}, nil); err != nil {
		return nil, err
	}
	return &sdk.ModifyInstanceMetadataOptionsOutput{InstanceId: aws.String(i.ID), InstanceMetadataOptions: metadataOf(options)}, nil
}

// ModifyInstanceMaintenanceOptions changes what happens to an instance when its host fails.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMaintenanceOptions.html
func (s *Service) ModifyInstanceMaintenanceOptions(ctx context.Context, in *sdk.ModifyInstanceMaintenanceOptionsInput) (*sdk.ModifyInstanceMaintenanceOptionsOutput, error) {
	if err := firstError(checkEnum("AutoRecovery", in.AutoRecovery), checkEnum("RebootMigration", in.RebootMigration)); err != nil {
		return nil, err
	}
	t, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	change := command.ModifyInstance{AccountID: t.call.Account, InstanceID: i.ID,
		AutoRecovery: optional(string(in.AutoRecovery)), RebootMigration: optional(string(in.RebootMigration))}
	if err := s.region.Propose(ctx, change, nil); err != nil {
		return nil, err
	}
	return &sdk.ModifyInstanceMaintenanceOptionsOutput{InstanceId: aws.String(i.ID),
		AutoRecovery:    types.InstanceAutoRecoveryState(valueOr(change.AutoRecovery, i.AutoRecovery)),
		RebootMigration: types.InstanceRebootMigrationState(valueOr(change.RebootMigration, i.RebootMigration))}, nil
}

// ModifyInstanceCpuOptions changes the vCPU topology of a stopped instance.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceCpuOptions.html
func (s *Service) ModifyInstanceCpuOptions(ctx context.Context, in *sdk.ModifyInstanceCpuOptionsInput) (*sdk.ModifyInstanceCpuOptionsOutput, error) {
	t, i, err := s.targetInstance(ctx, in.InstanceId)
	if err != nil {
		return nil, err
	}
	kind, _ := instancetypes.Lookup(i.Type)
	shape, err := cpuShape(kind, in.CoreCount, in.ThreadsPerCore)
	if err != nil {
		return nil, err
	}
	if in.CoreCount == nil {
		shape = i.Shape
	}
	if err := s.region.Propose(ctx, command.ModifyInstance{AccountID: t.call.Account, InstanceID: i.ID, Shape: &shape}, nil); err != nil {
		return nil, err
	}
	return &sdk.ModifyInstanceCpuOptionsOutput{InstanceId: aws.String(i.ID), CoreCount: aws.Int32(int32(shape.Cores)), ThreadsPerCore: aws.Int32(int32(shape.ThreadsPerCore))}, nil
}
