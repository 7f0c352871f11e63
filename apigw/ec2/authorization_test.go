// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz/authztest"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/apigw/policy/actions"
)

// What handlers ask the authorizer is compared with AWS's authorization reference (apigw/policy/actions): every action
// that is served, those of later too, in every case of memberCases.

// record runs a case's call and returns what it asked.
func record(t *testing.T, action string, c memberCase, change func(in any)) *authztest.Recorder {
	t.Helper()
	f, r := newFixture(t), &authztest.Recorder{}
	in := c.base(f)
	if change != nil {
		change(in)
	}
	ctx := f.as(t, alice, action)
	if _, err := f.invoke(apigw.WithCall(ctx, apigw.CallFrom(ctx), apigw.CallConfig{Authorizer: r, Tokens: pageTokens(t)}), action, in); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return r
}

// missingKeys are condition keys of the reference that no resource has here, and why. The key without a value is what AWS
// has for them too where the feature is not used.
var missingKeys = map[string]string{
	"ec2:AuthorizedService":          "no service is granted permission to interfaces",
	"ec2:AuthorizedUser":             "no account is granted permission to interfaces",
	"ec2:Permission":                 "no account is granted permission to interfaces",
	"ec2:AvailabilityZoneId":         "zones are named",
	"ec2:CpuOptionsAmdSevSnp":        "no instance has memory encryption",
	"ec2:InstanceAutoRecovery":       "recovery is the region's",
	"ec2:InstanceBandwidthWeighting": "bandwidth has no weights",
	"ec2:InstanceMetadataTags":       "metadata has no tags",
	"ec2:IsLaunchTemplateResource":   "there are no launch templates yet",
	"ec2:LaunchTemplate":             "there are no launch templates yet",
	"ec2:ManagedResourceOperator":    "no service manages resources",
	"ec2:ProductCode":                "images have no product codes",
	"ec2:NewInstanceProfile":         "of associations",
	"ec2:KmsKeyId":                   "of volumes with a key of their own",
	"ec2:VolumeInitializationRate":   "volumes are filled as they are read",
	"ec2:OutpostArn":                 "there are no outposts",
	"ec2:Location":                   "there are no outposts",
	"ec2:SourceOutpostArn":           "there are no outposts",
	"ec2:SnapshotCoolOffPeriod":      "snapshots are not locked",
	"ec2:SnapshotLockDuration":       "snapshots are not locked",
	"ec2:Add/group":                  "launch permissions are asked about by image",
	"ec2:Add/userId":                 "launch permissions are asked about by image",
	"ec2:Remove/group":               "launch permissions are asked about by image",
	"ec2:Remove/userId":              "launch permissions are asked about by image",
	"ec2:InstanceID":                 "the instance is made by the call, or the ARN names it",
	"ec2:NetworkInterfaceID":         "the interface is made by the call, or the ARN names it",
	"ec2:VolumeID":                   "the volume is made by the call, or the ARN names it",
	"ec2:InstanceProfile":            "only of instances that have one",
	"ec2:PlacementGroup":             "only of instances that are in one",
	"ec2:Attribute":                  "the attribute is the caller's to choose",
	"ec2:Attribute/${AttributeName}": "the attribute is the caller's to choose",
	"ec2:ParentSnapshot":             "only of volumes made of one",
	"ec2:VolumeThroughput":           "only of gp3",
	"ec2:VolumeIops":                 "only of types that have it",
	"ec2:AssociatePublicIpAddress":   "only when the caller says",
	"ec2:AccepterVpc":                "there are no peerings",
	"ec2:RequesterVpc":               "there are no peerings",
	"ec2:PlacementGroupName":         "placement groups are named by their ARN",
	"ec2:ParentVolume":               "only of snapshots of a volume that is known",
	"ec2:Ipv4IpamPoolId":             "there is no IPAM",
	"ec2:Ipv6IpamPoolId":             "there is no IPAM",
	"ec2:Domain":                     "addresses are of VPCs",
	"ec2:PublicIpAddress":            "the address is made by the call, or the ARN names it",
	"ec2:AllocationId":               "the address is made by the call, or the ARN names it",
	"ec2:ImageType":                  "every image is a machine's",
	"ec2:ImageID":                    "the image is made by the call, or the ARN names it",
	"ec2:KeyPairName":                "the key pair is made by the call, or the ARN names it",
	"snapshot ec2:AvailabilityZone":  "only of snapshots that stay in a local zone",
	"ec2:KeyPairType":                "only of key pairs that exist",
}

// exceptions are where EC2 asks for less than the reference.
var exceptions = authztest.Exceptions{Keys: missingKeys}

func TestEveryActionAuthorizesWhatTheReferenceDemands(t *testing.T) {
	t.Parallel()
	for action := range Members {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			for _, c := range memberCases[action] {
				exceptions.CheckDemand(t, "ec2:"+action, record(t, action, c, nil).About("ec2:"+action))
			}
		})
	}
}

// Whatever makes something with tags says which, for each kind of resource that it tags.
func TestTagsOfACallAreAsked(t *testing.T) {
	t.Parallel()
	for action, declared := range Members {
		if !slices.Contains(declared, "TagSpecifications.*") {
			continue
		}
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			demand, _ := actions.Lookup("ec2:" + action)
			tried := 0
			for _, r := range record(t, action, memberCases[action][0], nil).About("ec2:" + action) {
				known, _ := demand.Resource(r.Type)
				if !slices.Contains(known.Keys, "aws:TagKeys") {
					continue
				}
				spec := []types.TagSpecification{{ResourceType: types.ResourceType(r.Type), Tags: []types.Tag{{Key: ptr("env"), Value: ptr("prod")}}}}
				got := record(t, action, memberCases[action][0], func(in any) {
					reflect.ValueOf(in).Elem().FieldByName("TagSpecifications").Set(reflect.ValueOf(spec))
				})
				for _, of := range []string{action, "CreateTags"} {
					if !slices.ContainsFunc(got.About("ec2:"+of), func(g apigw.Resource) bool { return g.Type == r.Type && g.RequestTags["env"] == "prod" }) {
						t.Errorf("the tags of the %s are not asked for ec2:%s", r.Type, of)
					}
				}
				tried++
			}
			if tried == 0 {
				t.Error("nothing that it makes has tags")
			}
		})
	}
}

// Every action, through the gateway: a policy that allows just what the call needs lets it through; one that allows
// everything else, and a Deny of it, do not; a dry run tells.
func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	authztest.Service{
		Name: "ec2", Actions: slices.Sorted(maps.Keys(Members)), Run: through, Exceptions: exceptions,
		Skip: map[string]string{"GetInstanceUefiData": "no instance has UEFI data: every call is refused"},
		DryRun: func(action string) bool {
			input, _ := ec2wire.Codec().InputType(action)
			_, ok := input.FieldByName("DryRun")
			return ok
		},
	}.Test(t)
}

// through sends an action's first case to a real gateway, with the SDK's client.
func through(t *testing.T, action string, a apigw.Authorizer, dry bool) (changes int, err error) {
	f := newFixture(t)
	client := f.serveWith(t, a)(alice)
	in := memberCases[action][0].base(f)
	if dry {
		reflect.ValueOf(in).Elem().FieldByName("DryRun").Set(reflect.ValueOf(ptr(true)))
	}
	f.proposed = nil
	out := reflect.ValueOf(client).MethodByName(action).Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(in)})
	err, _ = out[1].Interface().(error)
	return len(f.proposed), err
}
