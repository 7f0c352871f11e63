// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/filter"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/fsm/state"
)

// DescribeInstances describes instances, oldest first, grouped by reservation. A page may end inside a reservation,
// which then goes on in the next.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func (s *Service) DescribeInstances(ctx context.Context, in *sdk.DescribeInstancesInput) (*sdk.DescribeInstancesOutput, error) {
	call := apigw.CallFrom(ctx)
	match, err := filter.Set[describedInstance](instanceFilters).WithTags(describedInstance.tagMap).Parse(filtersOf(in.Filters))
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
	described := newInstanceRows(v, call.Account).describe(found, match)
	shown, next, err := apigw.Page(call, described, describedInstance.order, pageOf(in.MaxResults, in.NextToken, idList(in.InstanceIds)), page.EC2)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeInstancesOutput{Reservations: reservationsOf(shown), NextToken: next}, nil
}

// describe translates the instances that pass the filters.
func (r instanceRows) describe(found []*state.Instance, match filter.Matcher[describedInstance]) []describedInstance {
	var out []describedInstance
	for _, i := range found {
		d := describedInstance{row: i, sdk: r.translate(i)}
		for _, n := range d.sdk.NetworkInterfaces {
			d.interfaceTags = append(d.interfaceTags, r.tags(valueOf(n.NetworkInterfaceId))...)
		}
		if match.Match(d) {
			out = append(out, d)
		}
	}
	return out
}

func (d describedInstance) tagMap() map[string]string { return tagMap(d.sdk.Tags) }

// order sorts instances by age and keeps the instances of a reservation together.
func (d describedInstance) order() string {
	return fmt.Sprintf("%020d/%s/%06d", int64(d.row.Created), d.row.ReservationID, d.row.LaunchIndex)
}

// reservationsOf groups instances that stand in order.
func reservationsOf(list []describedInstance) []types.Reservation {
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
	var found []*state.Instance
	if len(named) == 0 {
		for i := range state.Instances.Of(v, account) {
			found = append(found, i)
		}
		return found, nil
	}
	var missing []string
	seen := map[string]bool{}
	for _, id := range named {
		if seen[id] {
			continue
		}
		seen[id] = true
		if i, ok := state.Instances.Get(v, account, id); ok {
			found = append(found, i)
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return nil, ids.Instance.Missing(missing...)
	}
	return found, nil
}

// idList is what AWS calls the list of instance ids in the message that excludes it from paging.
func idList(named []string) string {
	if len(named) == 0 {
		return ""
	}
	return "instancesSet"
}
