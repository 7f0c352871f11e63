// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// RunInstances launches instances.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
func (s *Service) RunInstances(ctx context.Context, in *sdk.RunInstancesInput) (*sdk.RunInstancesOutput, error) {
	call := apigw.CallFrom(ctx)
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := launchHash(in)
	if err != nil {
		return nil, err
	}
	if made, ok, err := repeatedLaunch(v, call.Account, valueOf(in.ClientToken), hash); err != nil || ok {
		return s.repeat(ctx, call, made, err)
	}
	plan, err := s.planLaunch(v, call.Account, in)
	if err != nil {
		return nil, err
	}
	if plan.tags, err = tagsByType(in.TagSpecifications, types.ResourceTypeInstance, types.ResourceTypeVolume, types.ResourceTypeNetworkInterface); err != nil {
		return nil, err
	}
	if plan.profile != nil {
		if err := passRole(call, v, plan.profile, "*"); err != nil {
			return nil, err
		}
	}
	if err := call.Authorize(launchResources(call, v, plan)...); err != nil {
		return nil, err
	}
	c, err := plan.command(call.Principal.ARN, hash)
	if err != nil {
		return nil, err
	}
	var made command.Launched
	if err := s.region.Propose(ctx, c, &made); err != nil {
		return nil, err
	}
	return s.launched(ctx, call.Account, made)
}

// repeatedLaunch finds the outcome of an earlier call with the same client token. What that call named (image, key,
// zone) may be gone by now, so it comes before any of it is looked up. The state machine decides once more: two calls
// may race.
func repeatedLaunch(v *state.View, account, token, hash string) (command.Launched, bool, error) {
	var made command.Launched
	t, ok := state.ClientTokens.Get(v, account, state.ClientTokenKey(account, "RunInstances", token))
	if token == "" || !ok {
		return made, false, nil
	}
	if t.ParamsHash != hash {
		return made, false, awserr.IdempotentParameterMismatch()
	}
	if err := command.DecodeResult(t.Result, &made); err != nil {
		return made, false, fmt.Errorf("read outcome of client token %s: %w", token, err)
	}
	return made, true, nil
}

// repeat answers with the outcome of the earlier call.
func (s *Service) repeat(ctx context.Context, call *apigw.Call, made command.Launched, err error) (*sdk.RunInstancesOutput, error) {
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(call.Resource(string(types.ResourceTypeInstance), "*", nil)); err != nil {
		return nil, err
	}
	return s.launched(ctx, call.Account, made)
}

// launched is the answer to a launch, from the state that holds it. A repeated call with the same client token gets
// the instances as they are now; those that are forgotten by then are left out.
func (s *Service) launched(ctx context.Context, account string, made command.Launched) (*sdk.RunInstancesOutput, error) {
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	rows := newInstanceRows(v, account)
	out := &sdk.RunInstancesOutput{ReservationId: aws.String(made.ReservationID), OwnerId: aws.String(account), Groups: []types.GroupIdentifier{}}
	for _, id := range made.InstanceIDs {
		if i, ok := state.Instances.Get(v, account, id); ok {
			out.Instances = append(out.Instances, rows.translate(i))
		}
	}
	return out, nil
}

// launchResources names what a launch touches, as AWS does: what it uses by id, what it makes by kind.
func launchResources(c *apigw.Call, v *state.View, p launchPlan) []apigw.Resource {
	i := p.template
	list := []apigw.Resource{taggedResource(c, v, types.ResourceTypeImage, i.ImageID), resource(c, v, types.ResourceTypeSubnet, i.SubnetID)}
	if k, ok := state.KeyPairs.First(v, state.ByName, state.KeyPairName(c.Account, i.KeyName)); ok && i.KeyName != "" {
		list = append(list, keyPairResource(c, v, k))
	}
	if p.group != nil {
		list = append(list, placementGroupResource(c, v, p.group))
	}
	for _, g := range i.SecurityGroups {
		list = append(list, resource(c, v, types.ResourceTypeSecurityGroup, g))
	}
	for _, d := range p.devices {
		if d.snapshotID != "" && !d.inherited {
			list = append(list, resource(c, v, types.ResourceTypeSnapshot, d.snapshotID))
		}
	}
	return append(list, madeByLaunch(c, p)...)
}

// madeByLaunch names what a launch makes: the instance, each of its volumes, the interface.
func madeByLaunch(c *apigw.Call, p launchPlan) []apigw.Resource {
	i := p.template
	made := func(kind types.ResourceType, conditions map[string]string) apigw.Resource {
		r := c.Resource(string(kind), "*", nil)
		r.Conditions = conditions
		return tagging(r, p.tags[kind])
	}
	instance := instanceConditions(c, &i)
	if p.group != nil {
		instance["ec2:PlacementGroup"] = c.ARN("placement-group/" + p.group.Name)
	}
	if p.profile != nil {
		instance["ec2:InstanceProfile"] = p.profile.ARN()
	}
	list := []apigw.Resource{made(types.ResourceTypeInstance, instance), made(types.ResourceTypeNetworkInterface, map[string]string{
		"ec2:Subnet": c.ARN("subnet/" + i.SubnetID), "ec2:Vpc": c.ARN("vpc/" + i.VPCID), "ec2:AvailabilityZone": i.Zone})}
	for _, d := range p.devices {
		n := d.volume
		list = append(list, made(types.ResourceTypeVolume, volumeConditions(c, n.kind, n.sizeGiB, n.iops, n.throughput, d.snapshotID, i.Zone)))
	}
	return list
}

// launchHash tells calls with the same client token apart: it covers every parameter but the token and the dry run.
// Without a token it is empty.
func launchHash(in *sdk.RunInstancesInput) (string, error) {
	if valueOf(in.ClientToken) == "" {
		return "", nil
	}
	same := *in
	same.ClientToken, same.DryRun = nil, nil
	b, err := json.Marshal(same)
	if err != nil {
		return "", fmt.Errorf("hash launch parameters: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
