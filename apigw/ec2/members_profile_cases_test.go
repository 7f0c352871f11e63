// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// The association that profileCases begin with.
const firstAssociation = "iip-assoc-00000000000000001"

// associated gives the running instance the profile "web".
func (f *fixture) associated() {
	f.t.Helper()
	f.must(f.t, command.AssociateProfile{Association: state.ProfileAssociation{ID: firstAssociation, AccountID: alice, InstanceID: f.running, Profile: "web", ProfileID: "AIPAWEB"}})
}

func byName(name string) *types.IamInstanceProfileSpecification {
	return &types.IamInstanceProfileSpecification{Name: &name}
}

func byARN(name string) *types.IamInstanceProfileSpecification {
	return &types.IamInstanceProfileSpecification{Arn: ptr(profileARN(name))}
}

// profiledLaunch is a launch with a profile.
func profiledLaunch(spec func() *types.IamInstanceProfileSpecification, vary map[string]any) memberCase {
	return memberCase{vary: vary, base: func(f *fixture) any {
		in := runBase(f)
		in.IamInstanceProfile = spec()
		return in
	}}
}

var profileCases = map[string][]memberCase{
	"AssociateIamInstanceProfile": {
		{base: func(f *fixture) any {
			return &sdk.AssociateIamInstanceProfileInput{InstanceId: &f.running, IamInstanceProfile: byName("web")}
		}, vary: map[string]any{"InstanceId": func(f *fixture) any { return f.stopped }, "IamInstanceProfile.Name": "batch"}},
		{base: func(f *fixture) any {
			return &sdk.AssociateIamInstanceProfileInput{InstanceId: &f.running, IamInstanceProfile: byARN("web")}
		}, vary: map[string]any{"IamInstanceProfile.Arn": profileARN("batch")}},
	},
	"DisassociateIamInstanceProfile": {{base: func(f *fixture) any {
		f.associated()
		return &sdk.DisassociateIamInstanceProfileInput{AssociationId: ptr(firstAssociation)}
	}, vary: map[string]any{"AssociationId": refusedValue{"iip-assoc-00000000000000002"}}}},
	"ReplaceIamInstanceProfileAssociation": {
		{base: func(f *fixture) any {
			f.associated()
			return &sdk.ReplaceIamInstanceProfileAssociationInput{AssociationId: ptr(firstAssociation), IamInstanceProfile: byName("web")}
		}, vary: map[string]any{"AssociationId": refusedValue{"iip-assoc-00000000000000002"}, "IamInstanceProfile.Name": "batch"}},
		{base: func(f *fixture) any {
			f.associated()
			return &sdk.ReplaceIamInstanceProfileAssociationInput{AssociationId: ptr(firstAssociation), IamInstanceProfile: byARN("web")}
		}, vary: map[string]any{"IamInstanceProfile.Arn": profileARN("batch")}},
	},
	"DescribeIamInstanceProfileAssociations": {{base: func(f *fixture) any {
		f.associated()
		return &sdk.DescribeIamInstanceProfileAssociationsInput{Filters: filters("state", "associated"), MaxResults: ptr[int32](5)}
	}, vary: map[string]any{
		"AssociationIds": refusedValue{[]string{"iip-assoc-00000000000000002"}}, "Filters.Name": "instance-id", "Filters.Values": []string{"associating"},
		"MaxResults": refusedValue{int32(4)}, "NextToken": refusedValue{"made up"},
	}}},
}
