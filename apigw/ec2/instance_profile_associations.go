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

// profileMembers declares the members of the actions on instances' profiles.
var profileMembers = apigw.Members{
	"AssociateIamInstanceProfile":            {"InstanceId", "IamInstanceProfile.Arn", "IamInstanceProfile.Name"},
	"DisassociateIamInstanceProfile":         {"AssociationId"},
	"ReplaceIamInstanceProfileAssociation":   {"AssociationId", "IamInstanceProfile.Arn", "IamInstanceProfile.Name"},
	"DescribeIamInstanceProfileAssociations": {"AssociationIds", "Filters.*", "MaxResults", "NextToken"},
}

// AssociateIamInstanceProfile gives a running or stopped instance an instance profile. It is there at once; the answer
// says associating, as AWS's does.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateIamInstanceProfile.html
func (s *Service) AssociateIamInstanceProfile(ctx context.Context, in *sdk.AssociateIamInstanceProfileInput) (*sdk.AssociateIamInstanceProfileOutput, error) {
	call := apigw.CallFrom(ctx)
	id := valueOf(in.InstanceId)
	if id == "" {
		return nil, awserr.MissingParameter("InstanceId")
	}
	if err := ids.Instance.Check(id); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := state.Instances.Get(v, call.Account, id); !ok {
		return nil, ids.Instance.Missing(id)
	}
	profile, err := requiredProfile(v, call.Account, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	if err := authorizeProfile(call, v, profile, id); err != nil {
		return nil, err
	}
	row := newAssociation(profile, id)
	if err := s.region.Propose(ctx, command.AssociateProfile{Association: row}, nil); err != nil {
		return nil, fmt.Errorf("associate profile %s with %s: %w", profile.Name, id, err)
	}
	row.Since = state.At(call.Time)
	return &sdk.AssociateIamInstanceProfileOutput{IamInstanceProfileAssociation: association(v, &row, types.IamInstanceProfileAssociationStateAssociating)}, nil
}

// requiredProfile is wantedProfile where one has to be named.
func requiredProfile(v *state.View, account string, spec *types.IamInstanceProfileSpecification) (*state.InstanceProfile, error) {
	p, err := wantedProfile(v, account, spec)
	if err == nil && p == nil {
		return nil, awserr.MissingParameter("IamInstanceProfile")
	}
	return p, err
}

// authorizeProfile asks for the role that is passed on, and for the call.
func authorizeProfile(call *apigw.Call, v *state.View, p *state.InstanceProfile, instance string) error {
	if err := passRole(call, v, p, instance); err != nil {
		return err
	}
	r := resource(call, v, types.ResourceTypeInstance, instance)
	if r.Conditions == nil {
		r.Conditions = map[string]string{}
	}
	r.Conditions["ec2:NewInstanceProfile"] = p.ARN()
	return call.Authorize(r)
}

// DisassociateIamInstanceProfile takes the profile from an instance. Credentials that its guest has had already last
// until they expire.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateIamInstanceProfile.html
func (s *Service) DisassociateIamInstanceProfile(ctx context.Context, in *sdk.DisassociateIamInstanceProfileInput) (*sdk.DisassociateIamInstanceProfileOutput, error) {
	call := apigw.CallFrom(ctx)
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	row, err := namedAssociation(v, call.Account, valueOf(in.AssociationId))
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(resource(call, v, types.ResourceTypeInstance, row.InstanceID)); err != nil {
		return nil, err
	}
	if err := s.region.Propose(ctx, command.DisassociateProfile{AccountID: call.Account, AssociationID: row.ID}, nil); err != nil {
		return nil, fmt.Errorf("end association %s: %w", row.ID, err)
	}
	return &sdk.DisassociateIamInstanceProfileOutput{IamInstanceProfileAssociation: association(v, row, types.IamInstanceProfileAssociationStateDisassociating)}, nil
}

// ReplaceIamInstanceProfileAssociation gives an instance another profile in one step.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceIamInstanceProfileAssociation.html
func (s *Service) ReplaceIamInstanceProfileAssociation(ctx context.Context, in *sdk.ReplaceIamInstanceProfileAssociationInput) (*sdk.ReplaceIamInstanceProfileAssociationOutput, error) {
	call := apigw.CallFrom(ctx)
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	old, err := namedAssociation(v, call.Account, valueOf(in.AssociationId))
	if err != nil {
		return nil, err
	}
	profile, err := requiredProfile(v, call.Account, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	if err := authorizeProfile(call, v, profile, old.InstanceID); err != nil {
		return nil, err
	}
	row := newAssociation(profile, old.InstanceID)
	if err := s.region.Propose(ctx, command.ReplaceProfile{AssociationID: old.ID, Association: row}, nil); err != nil {
		return nil, fmt.Errorf("replace association %s: %w", old.ID, err)
	}
	row.Since = state.At(call.Time)
	return &sdk.ReplaceIamInstanceProfileAssociationOutput{IamInstanceProfileAssociation: association(v, &row, types.IamInstanceProfileAssociationStateAssociating)}, nil
}

// namedAssociation finds an association of the account.
func namedAssociation(v *state.View, account, id string) (*state.ProfileAssociation, error) {
	if id == "" {
		return nil, awserr.MissingParameter("AssociationId")
	}
	if err := ids.Profile.Check(id); err != nil {
		return nil, err
	}
	row, ok := state.ProfileAssociations.Get(v, account, id)
	if !ok {
		return nil, unknownAssociation(id)
	}
	return row, nil
}

func unknownAssociation(id string) error {
	return awserr.New(ids.Profile.NotFound, "An invalid association-id of '%s' was given", id)
}

// association shows an association.
func association(v *state.View, a *state.ProfileAssociation, is types.IamInstanceProfileAssociationState) *types.IamInstanceProfileAssociation {
	return &types.IamInstanceProfileAssociation{AssociationId: aws.String(a.ID), InstanceId: aws.String(a.InstanceID),
		IamInstanceProfile: shownProfile(v, a), State: is, Timestamp: timeOf(a.Since)}
}

// describedAssociations are DescribeIamInstanceProfileAssociations' filters.
var describedAssociations = described[types.IamInstanceProfileAssociation]{
	id:     func(a types.IamInstanceProfileAssociation) string { return valueOf(a.AssociationId) },
	limits: page.Range{Min: 5, Max: 1000, Default: 1000},
	filters: map[string]func(types.IamInstanceProfileAssociation) []string{
		"instance-id": func(a types.IamInstanceProfileAssociation) []string { return some(valueOf(a.InstanceId)) },
		"state":       func(a types.IamInstanceProfileAssociation) []string { return some(string(a.State)) },
	},
}

// DescribeIamInstanceProfileAssociations lists which instances have which profiles.
// See https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeIamInstanceProfileAssociations.html
func (s *Service) DescribeIamInstanceProfileAssociations(ctx context.Context, in *sdk.DescribeIamInstanceProfileAssociationsInput) (*sdk.DescribeIamInstanceProfileAssociationsOutput, error) {
	call := apigw.CallFrom(ctx)
	list, err := newListing(describedAssociations, in.Filters, pageOf(in.MaxResults, in.NextToken, ""))
	if err != nil {
		return nil, err
	}
	if err := ids.Profile.Check(in.AssociationIds...); err != nil {
		return nil, err
	}
	v, err := s.region.View(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range in.AssociationIds {
		if _, ok := state.ProfileAssociations.Get(v, call.Account, id); !ok {
			return nil, unknownAssociation(id)
		}
	}
	if err := call.Authorize(); err != nil {
		return nil, err
	}
	var rows []types.IamInstanceProfileAssociation
	for a := range state.ProfileAssociations.Of(v, call.Account) {
		if len(in.AssociationIds) == 0 || slices.Contains(in.AssociationIds, a.ID) {
			rows = append(rows, *association(v, a, types.IamInstanceProfileAssociationStateAssociated))
		}
	}
	out := &sdk.DescribeIamInstanceProfileAssociationsOutput{}
	if out.IamInstanceProfileAssociations, out.NextToken, err = list.cut(call, rows); err != nil {
		return nil, err
	}
	return out, nil
}
