// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/authz"
	"github.com/hivecloud/hive/apigw/ec2/ec2wire"
	"github.com/hivecloud/hive/apigw/policy"
	"github.com/hivecloud/hive/apigw/policy/actions"
)

// What handlers ask the authorizer is compared with AWS's authorization reference (apigw/policy/actions): every action
// that is served, those of later too, in every case of memberCases.

// recorder allows everything and keeps what was asked.
type recorder struct {
	mu    sync.Mutex
	asked []apigw.AuthzRequest
}

func (r *recorder) Authorize(_ context.Context, q apigw.AuthzRequest) (apigw.Decision, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, q)
	return apigw.Decision{Allowed: true}, nil
}

// about are the resources that were asked about for one action.
func (r *recorder) about(action string) []apigw.Resource {
	var out []apigw.Resource
	for _, q := range r.asked {
		if q.Action == "ec2:"+action {
			out = append(out, q.Resources...)
		}
	}
	return out
}

// record runs a case's call and returns what it asked.
func record(t *testing.T, action string, c memberCase, change func(in any)) *recorder {
	t.Helper()
	f, r := newFixture(t), &recorder{}
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

// lesser are resource types that the reference wants and that a call need not name here, and why.
var lesser = map[string]string{
	"GetInstanceUefiData instance": "every call is refused before: no instance has UEFI data",
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

func TestEveryActionAuthorizesWhatTheReferenceDemands(t *testing.T) {
	t.Parallel()
	for action := range Members {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			demand, ok := actions.Lookup("ec2:" + action)
			if !ok {
				t.Fatal("the reference does not know the action")
			}
			for _, c := range memberCases[action] {
				checkDemand(t, demand, record(t, action, c, nil).about(action))
			}
		})
	}
}

func checkDemand(t *testing.T, demand actions.Action, asked []apigw.Resource) {
	t.Helper()
	var named []string
	for _, r := range asked {
		named = append(named, r.Type)
		known, ok := demand.Resource(r.Type)
		if !ok {
			t.Errorf("it asks about %s, which is no resource of the action (%s)", r.ARN, r.Type)
			continue
		}
		checkKeys(t, known.Keys, r)
	}
	for _, typ := range demand.Required() {
		if !slices.Contains(named, typ) && lesser[demand.Name+" "+typ] == "" {
			t.Errorf("it does not ask about the %s; it asks about %v", typ, named)
		}
	}
	if len(demand.Resources) > 0 && len(named) == 0 && lesser[demand.Name+" *"] == "" {
		t.Errorf("it asks about no resource; the reference has some")
	}
}

// checkKeys wants every condition key of the reference to be supplied or to be known as absent.
func checkKeys(t *testing.T, wanted []string, r apigw.Resource) {
	t.Helper()
	for _, key := range wanted {
		switch {
		case key == "aws:RequestTag/${TagKey}", key == "aws:TagKeys", key == "ec2:Region": // the gateway's, or TestTagsOfACallAreAsked's
		case key == "aws:ResourceTag/${TagKey}", key == "ec2:ResourceTag/${TagKey}":
			if r.Tags == nil {
				t.Errorf("%s comes without its tags", r.ARN)
			}
		case missingKeys[key] == "" && missingKeys[r.Type+" "+key] == "" && r.Conditions[key] == "" && len(r.Keys[key]) == 0:
			t.Errorf("%s comes without %s", r.ARN, key)
		}
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
			for _, r := range record(t, action, memberCases[action][0], nil).about(action) {
				known, _ := demand.Resource(r.Type)
				if !slices.Contains(known.Keys, "aws:TagKeys") {
					continue
				}
				spec := []types.TagSpecification{{ResourceType: types.ResourceType(r.Type), Tags: []types.Tag{{Key: ptr("env"), Value: ptr("prod")}}}}
				got := record(t, action, memberCases[action][0], func(in any) {
					reflect.ValueOf(in).Elem().FieldByName("TagSpecifications").Set(reflect.ValueOf(spec))
				})
				for _, of := range []string{action, "CreateTags"} {
					if !slices.ContainsFunc(got.about(of), func(g apigw.Resource) bool { return g.Type == r.Type && g.RequestTags["env"] == "prod" }) {
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

// fixedPolicies are the same for everybody.
type fixedPolicies policy.Set

func (f fixedPolicies) Of(context.Context, apigw.Principal) (authz.Holdings, error) {
	return authz.Holdings{Set: policy.Set(f)}, nil
}

// by decides by one document of these statements.
func by(t *testing.T, statements ...map[string]any) *authz.Authorizer {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	d, err := policy.Parse(policy.Identity, string(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	messages, err := authz.NewMessages([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := authz.New(authz.Config{Policies: fixedPolicies{Identity: []policy.Source{{ID: "test", Document: d}}}, Messages: messages})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every action, through the gateway: a policy that allows just what the call needs lets it through, the same without
// one of the resources does not, and neither does a Deny.
func TestEveryActionIsAllowedAndDeniedByPolicy(t *testing.T) {
	t.Parallel()
	for action := range Members {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			c := memberCases[action]
			if len(c) == 0 || inert[action+".InstanceId"] != "" {
				t.Skip("no call succeeds")
			}
			arns := []string{}
			for _, r := range record(t, action, c[0], nil).about(action) {
				arns = append(arns, r.ARN)
			}
			if len(arns) == 0 {
				arns = []string{"*"}
			}
			allow := map[string]any{"Effect": "Allow", "Action": []string{"ec2:" + action, "ec2:CreateTags"}, "Resource": arns}
			deny := map[string]any{"Effect": "Deny", "Action": "ec2:" + action, "Resource": arns[len(arns)-1]}
			other := map[string]any{"Effect": "Allow", "NotAction": "ec2:" + action, "Resource": "*"}
			if code, commands := through(t, by(t, allow), action, c[0], false); code != "" {
				t.Errorf("allowed on %v and refused with %s, after %d commands", arns, code, commands)
			}
			for name, a := range map[string]*authz.Authorizer{"denied": by(t, allow, deny), "allowed others": by(t, other)} {
				if code, commands := through(t, a, action, c[0], false); code != "UnauthorizedOperation" || commands > 0 {
					t.Errorf("%s: answered %q, %d commands", name, code, commands)
				}
			}
			if input, _ := ec2wire.Codec().InputType(action); hasDryRun(input) {
				for want, a := range map[string]*authz.Authorizer{"DryRunOperation": by(t, allow), "UnauthorizedOperation": by(t, allow, deny)} {
					if code, commands := through(t, a, action, c[0], true); code != want || commands > 0 {
						t.Errorf("dry run: answered %q, %d commands; want %s", code, commands, want)
					}
				}
			}
		})
	}
}

func hasDryRun(input reflect.Type) bool {
	_, ok := input.FieldByName("DryRun")
	return ok
}

// through sends a call to a real gateway with the SDK's client; it returns the error's code and how many commands were
// proposed.
func through(t *testing.T, a apigw.Authorizer, action string, c memberCase, dry bool) (code string, commands int) {
	t.Helper()
	f := newFixture(t)
	client := f.serveWith(t, a)(alice)
	in := c.base(f)
	if dry {
		reflect.ValueOf(in).Elem().FieldByName("DryRun").Set(reflect.ValueOf(ptr(true)))
	}
	f.proposed = nil
	out := reflect.ValueOf(client).MethodByName(action).Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(in)})
	err, _ := out[1].Interface().(error)
	var refused smithy.APIError
	switch {
	case err == nil:
	case errors.As(err, &refused):
		code = refused.ErrorCode()
		if code == "UnauthorizedOperation" && !strings.Contains(refused.ErrorMessage(), "is not authorized to perform: ec2:"+action) {
			t.Errorf("the refusal says %q", refused.ErrorMessage())
		}
	default:
		code = fmt.Sprint(err)
	}
	return code, len(f.proposed)
}
