// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/fsm/state"
)

// wantedProfile finds the instance profile that a caller names by name, ARN or both; nil when none is named. A profile
// without a role gives no credentials and is refused, as on AWS.
func wantedProfile(v *state.View, account string, spec *types.IamInstanceProfileSpecification) (*state.InstanceProfile, error) {
	name, arn := valueOf(valueOf(spec).Name), valueOf(valueOf(spec).Arn)
	switch {
	case name == "" && arn == "":
		return nil, nil
	case name != "" && arn != "":
		return nil, awserr.InvalidParameterCombination("The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	case arn != "":
		name = arn[strings.LastIndexByte(arn, '/')+1:]
	}
	p, ok := state.InstanceProfiles.Get(v, account, state.InstanceProfileKey(account, name))
	if arn != "" && (!ok || p.ARN() != arn) {
		return nil, awserr.InvalidParameterValue("Value (%.256s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", arn)
	}
	if !ok {
		return nil, awserr.InvalidParameterValue("Value (%.256s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", name)
	}
	if _, ok := roleOf(v, p); !ok {
		return nil, awserr.InvalidParameterValue("Value (%.256s) for parameter iamInstanceProfile.name is invalid. IAM Instance Profile \"%s\" has no associated IAM Roles", name, p.ARN())
	}
	return p, nil
}

// roleOf is the role that a profile hands out.
func roleOf(v *state.View, p *state.InstanceProfile) (*state.Role, bool) {
	return state.Roles.Get(v, p.AccountID, state.RoleKey(p.AccountID, p.Role))
}

// passRole asks whether the caller may give the profile's role to EC2. Without it a caller could have a guest do what
// the caller may not.
func passRole(call *apigw.Call, v *state.View, p *state.InstanceProfile, instance string) error {
	role, ok := roleOf(v, p)
	if !ok {
		return nil // there is nothing to pass; wantedProfile refuses such profiles
	}
	return call.AuthorizeAction("iam:PassRole", apigw.Resource{ARN: role.ARN(), Account: role.AccountID, Type: "role", Tags: role.Tags,
		Conditions: map[string]string{"iam:PassedToService": "ec2.amazonaws.com", "iam:AssociatedResourceArn": call.ARN("instance/" + instance)}})
}

// newAssociation is the row that gives an instance a profile.
func newAssociation(p *state.InstanceProfile, instance string) state.ProfileAssociation {
	return state.ProfileAssociation{ID: ids.Profile.New(), AccountID: p.AccountID, InstanceID: instance, Profile: p.Name, ProfileID: p.ID}
}

// profileOf shows an instance's profile; nil without one. A profile that was deleted since keeps its id.
func profileOf(v *state.View, instanceID string) *types.IamInstanceProfile {
	a, ok := v.InstanceProfileOf(instanceID)
	if !ok {
		return nil
	}
	return shownProfile(v, a)
}

func shownProfile(v *state.View, a *state.ProfileAssociation) *types.IamInstanceProfile {
	arn := apigw.ARN("iam", "", a.AccountID, "instance-profile/"+a.Profile)
	if p, ok := v.Profile(a); ok {
		arn = p.ARN()
	}
	return &types.IamInstanceProfile{Arn: aws.String(arn), Id: aws.String(a.ProfileID)}
}
