// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/page"
	"github.com/hivecloud/hive/compute/instancetypes"
	"github.com/hivecloud/hive/fsm/command"
)

// creditOptions are how a burstable instance may use CPU credits.
var creditOptions = []string{"standard", "unlimited"}

// launchCredits is the credit option that an instance starts with; "" for a type that is not burstable.
func launchCredits(t instancetypes.Type, asked *types.CreditSpecificationRequest) (string, error) {
	option := valueOf(valueOf(asked).CpuCredits)
	if option == "" {
		return t.DefaultCPUCredits, nil
	}
	if err := checkCredits(option); err != nil {
		return "", err
	}
	if !t.Burstable {
		return "", awserr.InvalidParameterCombination("The parameter CreditSpecification is not supported for the instance type %s", t.Name)
	}
	return option, nil
}

func checkCredits(option string) error {
	if !slices.Contains(creditOptions, option) {
		return awserr.InvalidParameterValue("Invalid value '%s' for CpuCredits. Valid values: standard, unlimited", option)
	}
	return nil
}

// creditsUnsupported is how AWS refuses an instance without CPU credits.
func creditsUnsupported() *awserr.Error {
	return awserr.New("InstanceCreditSpecification.NotSupported", "The specified instance does not use CPU credits for CPU usage; only T2, T3, T3a and T4g instances use CPU credits for CPU usage.")
}

// ModifyInstanceCreditSpecification sets the credit option of burstable instances, each on its own: the answer tells
// of each whether it was done. Setting an option twice changes nothing, so the client token needs no memory.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceCreditSpecification.html
func (s *Service) ModifyInstanceCreditSpecification(ctx context.Context, in *sdk.ModifyInstanceCreditSpecificationInput) (*sdk.ModifyInstanceCreditSpecificationOutput, error) {
	call := apigw.CallFrom(ctx)
	if len(in.InstanceCreditSpecifications) == 0 {
		return nil, awserr.MissingParameter("InstanceCreditSpecification")
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	var touched []apigw.Resource
	for _, r := range in.InstanceCreditSpecifications {
		if valueOf(r.InstanceId) == "" {
			return nil, awserr.MissingParameter("InstanceCreditSpecification.InstanceId")
		}
		if err := checkCredits(valueOf(r.CpuCredits)); err != nil {
			return nil, err
		}
		touched = append(touched, resource(call, v, types.ResourceTypeInstance, *r.InstanceId))
	}
	if err := call.Authorize(touched...); err != nil {
		return nil, err
	}
	out := &sdk.ModifyInstanceCreditSpecificationOutput{}
	for _, r := range in.InstanceCreditSpecifications {
		err := s.setCredits(ctx, call.Account, *r.InstanceId, *r.CpuCredits)
		if err == nil {
			out.SuccessfulInstanceCreditSpecifications = append(out.SuccessfulInstanceCreditSpecifications, types.SuccessfulInstanceCreditSpecificationItem{InstanceId: r.InstanceId})
			continue
		}
		item, ok := unsuccessfulCredits(err)
		if !ok {
			return nil, err
		}
		out.UnsuccessfulInstanceCreditSpecifications = append(out.UnsuccessfulInstanceCreditSpecifications,
			types.UnsuccessfulInstanceCreditSpecificationItem{InstanceId: r.InstanceId, Error: item})
	}
	return out, nil
}

// setCredits sets one instance's option.
func (s *Service) setCredits(ctx context.Context, account, id, option string) error {
	v, err := s.region.View(ctx)
	if err != nil {
		return err
	}
	found, err := selectInstances(v, account, []string{id})
	if err != nil {
		return err
	}
	if t, _ := instancetypes.Lookup(found[0].Type); !t.Burstable {
		return creditsUnsupported()
	}
	return s.region.Propose(ctx, command.ModifyInstance{AccountID: account, InstanceID: id, CPUCredits: &option}, nil)
}

// unsuccessfulCredits is a refusal as an item of the answer; false for errors that concern the call as a whole.
func unsuccessfulCredits(err error) (*types.UnsuccessfulInstanceCreditSpecificationItemError, bool) {
	var code, message string
	if refusal := new(awserr.Error); errors.As(err, &refusal) {
		code, message = refusal.Code, refusal.Message
	}
	if refusal := new(command.Error); errors.As(err, &refusal) {
		code, message = refusal.Code, refusal.Message
	}
	kind := types.UnsuccessfulInstanceCreditSpecificationErrorCode(code)
	if code == "" || !slices.Contains(kind.Values(), kind) {
		return nil, false
	}
	return &types.UnsuccessfulInstanceCreditSpecificationItemError{Code: kind, Message: optional(message)}, true
}

// DescribeInstanceCreditSpecifications tells how instances use CPU credits: those named, or all that are unlimited.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceCreditSpecifications.html
func (s *Service) DescribeInstanceCreditSpecifications(ctx context.Context, in *sdk.DescribeInstanceCreditSpecificationsInput) (*sdk.DescribeInstanceCreditSpecificationsOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedCredits, in.Filters, pageOf(in.MaxResults, in.NextToken, idList(in.InstanceIds)))
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
	var specs []types.InstanceCreditSpecification
	for _, i := range found {
		if len(in.InstanceIds) > 0 && i.CPUCredits == "" {
			return nil, creditsUnsupported()
		}
		if len(in.InstanceIds) > 0 || i.CPUCredits == "unlimited" {
			specs = append(specs, types.InstanceCreditSpecification{InstanceId: aws.String(i.ID), CpuCredits: optional(i.CPUCredits)})
		}
	}
	shown, next, err := list.cut(call, specs)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeInstanceCreditSpecificationsOutput{InstanceCreditSpecifications: shown, NextToken: next}, nil
}

var describedCredits = described[types.InstanceCreditSpecification]{
	id: func(c types.InstanceCreditSpecification) string { return *c.InstanceId }, limits: page.EC2,
	filters: map[string]func(types.InstanceCreditSpecification) []string{
		"instance-id": func(c types.InstanceCreditSpecification) []string { return some(valueOf(c.InstanceId)) },
	},
}
