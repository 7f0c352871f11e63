// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
)

// MonitorInstances switches detailed monitoring on: metrics every minute instead of every five.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html
func (s *Service) MonitorInstances(ctx context.Context, in *sdk.MonitorInstancesInput) (*sdk.MonitorInstancesOutput, error) {
	list, err := s.setMonitoring(ctx, in.InstanceIds, true)
	if err != nil {
		return nil, err
	}
	return &sdk.MonitorInstancesOutput{InstanceMonitorings: list}, nil
}

// UnmonitorInstances switches detailed monitoring off.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnmonitorInstances.html
func (s *Service) UnmonitorInstances(ctx context.Context, in *sdk.UnmonitorInstancesInput) (*sdk.UnmonitorInstancesOutput, error) {
	list, err := s.setMonitoring(ctx, in.InstanceIds, false)
	if err != nil {
		return nil, err
	}
	return &sdk.UnmonitorInstancesOutput{InstanceMonitorings: list}, nil
}

// setMonitoring switches detailed monitoring of all named instances.
func (s *Service) setMonitoring(ctx context.Context, named []string, detailed bool) ([]types.InstanceMonitoring, error) {
	t, err := s.targetInstances(ctx, named)
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.MonitorInstances{AccountID: t.call.Account, InstanceIDs: idsOf(t.list), Enabled: detailed}, nil); err != nil {
		return nil, err
	}
	var out []types.InstanceMonitoring
	for _, i := range t.list {
		out = append(out, types.InstanceMonitoring{InstanceId: aws.String(i.ID), Monitoring: &types.Monitoring{State: monitoringOf(detailed)}})
	}
	return out, nil
}
