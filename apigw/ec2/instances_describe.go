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
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

// DescribeInstances describes instances, oldest first, grouped by reservation. A page may end inside a reservation,
// which then goes on in the next.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func (s *Service) DescribeInstances(ctx context.Context, in *sdk.DescribeInstancesInput) (*sdk.DescribeInstancesOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedInstances, in.Filters, pageOf(in.MaxResults, in.NextToken, idList(in.InstanceIds)))
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
	shown, next, err := list.cut(call, translate(found, newInstanceRows(v, call.Account).describe))
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeInstancesOutput{Reservations: reservationsOf(shown), NextToken: next}, nil
}

var describedInstances = described[*describedInstance]{
	id: func(d *describedInstance) string { return d.order }, filters: instanceFilters, limits: page.EC2,
	tags: func(d *describedInstance) []types.Tag { return d.sdk.Tags },
}

// describe is the instance with all that filters look at.
func (r instanceRows) describe(i *state.Instance) *describedInstance {
	d := &describedInstance{row: i, sdk: r.translate(i), order: fmt.Sprintf("%020d/%s/%06d", int64(i.Created), i.ReservationID, i.LaunchIndex)}
	for _, n := range d.sdk.NetworkInterfaces {
		d.interfaceTags = append(d.interfaceTags, r.tags(valueOf(n.NetworkInterfaceId))...)
	}
	return d
}

// reservationsOf groups instances that stand in order.
func reservationsOf(list []*describedInstance) []types.Reservation {
	var out []types.Reservation
	for _, d := range list {
		if n := len(out); n == 0 || *out[n-1].ReservationId != d.row.ReservationID {
			out = append(out, types.Reservation{ReservationId: aws.String(d.row.ReservationID), OwnerId: aws.String(d.row.AccountID), Groups: []types.GroupIdentifier{}})
		}
		last := &out[len(out)-1]
		last.Instances = append(last.Instances, d.sdk)
	}
	return out
}

// selectInstances are the account's instances: those named, each once, or all. It refuses ids that are malformed or
// that name nothing of the account's.
func selectInstances(v *state.View, account string, named []string) ([]*state.Instance, error) {
	if err := ids.Instance.Check(named...); err != nil {
		return nil, err
	}
	if len(named) == 0 {
		return slices.Collect(state.Instances.Of(v, account)), nil
	}
	return pick(ids.Instance, named, func(id string) (*state.Instance, bool) { return state.Instances.Get(v, account, id) })
}

// idList is what AWS calls the list of instance ids in the message that excludes it from paging.
func idList(named []string) string {
	if len(named) == 0 {
		return ""
	}
	return "instancesSet"
}
