// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

// DescribeInstanceStatus tells how running instances are; IncludeAllInstances adds the others.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
func (s *Service) DescribeInstanceStatus(ctx context.Context, in *sdk.DescribeInstanceStatusInput) (*sdk.DescribeInstanceStatusOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedStatuses, in.Filters, pageOf(in.MaxResults, in.NextToken, idList(in.InstanceIds)))
	if err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	found, err := selectInstances(v, call.Account, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	if !valueOf(in.IncludeAllInstances) {
		found = slices.DeleteFunc(found, func(i *state.Instance) bool { return i.State != state.Running })
	}
	shown, next, err := list.cut(call, translate(found, newInstanceRows(v, call.Account).status))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeInstanceStatusOutput{InstanceStatuses: shown, NextToken: next}, nil
}

var describedStatuses = described[types.InstanceStatus]{
	id: func(i types.InstanceStatus) string { return *i.InstanceId }, filters: statusFilters, limits: page.EC2,
}

// status is how an instance is. The instance's own reachability is what its node reports of the guest; the system
// that carries it is fine as long as that report is accepted.
func (r instanceRows) status(i *state.Instance) types.InstanceStatus {
	out := types.InstanceStatus{
		InstanceId: aws.String(i.ID), InstanceState: stateOf(i.State), Operator: &types.OperatorResponse{Managed: aws.Bool(false)},
		AvailabilityZone: aws.String(i.Zone), AvailabilityZoneId: optional(r.zoneID(i.Zone)), Events: []types.InstanceStatusEvent{},
		SystemStatus:      summaryOf(i, false),
		InstanceStatus:    summaryOf(i, i.Impaired != ""),
		AttachedEbsStatus: &types.EbsStatusSummary{Status: types.SummaryStatusNotApplicable},
	}
	if i.State == state.Running {
		out.AttachedEbsStatus = &types.EbsStatusSummary{Status: types.SummaryStatusOk,
			Details: []types.EbsStatusDetails{{Name: types.StatusNameReachability, Status: types.StatusTypePassed}}}
	}
	return out
}

// summaryOf is one check's outcome; checks are made on running instances only.
func summaryOf(i *state.Instance, impaired bool) *types.InstanceStatusSummary {
	if i.State != state.Running {
		return &types.InstanceStatusSummary{Status: types.SummaryStatusNotApplicable}
	}
	status, check := types.SummaryStatusOk, types.StatusTypePassed
	if impaired {
		status, check = types.SummaryStatusImpaired, types.StatusTypeFailed
	}
	return &types.InstanceStatusSummary{Status: status, Details: []types.InstanceStatusDetails{{Name: types.StatusNameReachability, Status: check}}}
}

// statusFilters are DescribeInstanceStatus' filters. There are no scheduled events and no managed instances.
var statusFilters = mergeFilters(map[string]func(types.InstanceStatus) []string{
	"availability-zone":    func(i types.InstanceStatus) []string { return some(valueOf(i.AvailabilityZone)) },
	"availability-zone-id": func(i types.InstanceStatus) []string { return some(valueOf(i.AvailabilityZoneId)) },
	"instance-state-code": func(i types.InstanceStatus) []string {
		return some(strconv.Itoa(int(valueOf(i.InstanceState.Code))))
	},
	"instance-state-name":          func(i types.InstanceStatus) []string { return some(string(i.InstanceState.Name)) },
	"instance-status.reachability": func(i types.InstanceStatus) []string { return reachability(i.InstanceStatus) },
	"instance-status.status":       func(i types.InstanceStatus) []string { return some(string(i.InstanceStatus.Status)) },
	"system-status.reachability":   func(i types.InstanceStatus) []string { return reachability(i.SystemStatus) },
	"system-status.status":         func(i types.InstanceStatus) []string { return some(string(i.SystemStatus.Status)) },
	"attached-ebs-status.status":   func(i types.InstanceStatus) []string { return some(string(i.AttachedEbsStatus.Status)) },
	"operator.managed":             func(types.InstanceStatus) []string { return flag(false) },
}, absent[types.InstanceStatus]("event.code", "event.description", "event.instance-event-id", "event.not-after",
	"event.not-before", "event.not-before-deadline", "operator.principal"))

func reachability(s *types.InstanceStatusSummary) []string {
	return each(s.Details, func(d types.InstanceStatusDetails) string { return string(d.Status) })
}
