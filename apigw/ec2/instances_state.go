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
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// StartInstances starts stopped instances; one that runs already stays as it is.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html
func (s *Service) StartInstances(ctx context.Context, in *sdk.StartInstancesInput) (*sdk.StartInstancesOutput, error) {
	t, err := s.targetInstances(ctx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var out command.StateChanges
	if err := s.region.Propose(ctx, command.StartInstances{AccountID: t.call.Account, InstanceIDs: idsOf(t.list)}, &out); err != nil {
		return nil, err
	}
	return &sdk.StartInstancesOutput{StartingInstances: changesOf(out)}, nil
}

// StopInstances stops running instances. Force and SkipOsShutdown both stop without asking the guest.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html
func (s *Service) StopInstances(ctx context.Context, in *sdk.StopInstancesInput) (*sdk.StopInstancesOutput, error) {
	t, err := s.targetInstances(ctx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var out command.StateChanges
	stop := command.StopInstances{AccountID: t.call.Account, InstanceIDs: idsOf(t.list), Force: valueOf(in.Force) || valueOf(in.SkipOsShutdown)}
	if err := s.region.Propose(ctx, stop, &out); err != nil {
		return nil, err
	}
	return &sdk.StopInstancesOutput{StoppingInstances: changesOf(out)}, nil
}

// RebootInstances reboots running instances; terminated ones are ignored.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RebootInstances.html
func (s *Service) RebootInstances(ctx context.Context, in *sdk.RebootInstancesInput) (*sdk.RebootInstancesOutput, error) {
	t, err := s.targetInstances(ctx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.RebootInstances{AccountID: t.call.Account, InstanceIDs: idsOf(t.list)}, nil); err != nil {
		return nil, err
	}
	return &sdk.RebootInstancesOutput{}, nil
}

// TerminateInstances ends instances for good. Termination protection is judged per availability zone, as AWS
// documents: a protected instance saves those of its zone, the others go, and the call fails.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
func (s *Service) TerminateInstances(ctx context.Context, in *sdk.TerminateInstancesInput) (*sdk.TerminateInstancesOutput, error) {
	t, err := s.targetInstances(ctx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var all command.StateChanges
	var refusal error
	for _, zone := range zonesOf(t.list) {
		here := slices.DeleteFunc(slices.Clone(t.list), func(i *state.Instance) bool { return i.Zone != zone })
		var out command.StateChanges
		if err := s.region.Propose(ctx, command.TerminateInstances{AccountID: t.call.Account, InstanceIDs: idsOf(here)}, &out); err != nil {
			refusal = firstError(refusal, err)
			continue
		}
		all.Changes = append(all.Changes, out.Changes...)
	}
	if refusal != nil {
		return nil, refusal
	}
	return &sdk.TerminateInstancesOutput{TerminatingInstances: changesOf(all)}, nil
}

// targets are the instances that a call names and may work on, as of one snapshot.
type targets struct {
	call *apigw.Call
	view *state.View
	list []*state.Instance
}

// targetInstances finds the instances that a call names, which it must, and asks whether the caller may.
func (s *Service) targetInstances(ctx context.Context, named []string) (targets, error) {
	t := targets{call: apigw.CallFrom(ctx)}
	if len(named) == 0 {
		return t, awserr.MissingParameter("InstanceId")
	}
	var err error
	if t.view, err = s.region.View(ctx); err != nil {
		return t, err
	}
	if t.list, err = selectInstances(t.view, t.call.Account, named); err != nil {
		return t, err
	}
	var touched []apigw.Resource
	for _, i := range t.list {
		touched = append(touched, resource(t.call, t.view, types.ResourceTypeInstance, i.ID))
	}
	return t, t.call.Authorize(touched...)
}

// targetInstance is targetInstances for actions on one instance.
func (s *Service) targetInstance(ctx context.Context, id *string) (targets, *state.Instance, error) {
	t, err := s.targetInstances(ctx, some(valueOf(id)))
	if err != nil {
		return t, nil, err
	}
	return t, t.list[0], nil
}

func idsOf(list []*state.Instance) []string {
	return each(list, func(i *state.Instance) string { return i.ID })
}

// zonesOf are the zones of instances, each once, in order.
func zonesOf(list []*state.Instance) []string {
	zones := each(list, func(i *state.Instance) string { return i.Zone })
	slices.Sort(zones)
	return slices.Compact(zones)
}

func changesOf(c command.StateChanges) []types.InstanceStateChange {
	var out []types.InstanceStateChange
	for _, change := range c.Changes {
		out = append(out, types.InstanceStateChange{InstanceId: aws.String(change.InstanceID), PreviousState: stateOf(change.Previous), CurrentState: stateOf(change.Current)})
	}
	return out
}
