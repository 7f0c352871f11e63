// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/fsm/state"
)

func tagList(pairs ...string) []types.Tag { return keyTags(pairs...)[0].Tags }

// ofEveryKind are ids of one resource of every kind that alice has.
func (w *resourceWorld) ofEveryKind() map[types.ResourceType]string {
	w.t.Helper()
	image := w.region.AddImage(w.t, alice, "base", 8)
	key := do(w, alice, w.svc.CreateKeyPair, &sdk.CreateKeyPairInput{KeyName: aws.String("k"), KeyType: types.KeyTypeEd25519})
	run := do(w, alice, w.svc.RunInstances, &sdk.RunInstancesInput{ImageId: aws.String(image), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	i := run.Instances[0]
	group := do(w, alice, w.svc.CreatePlacementGroup, &sdk.CreatePlacementGroupInput{GroupName: aws.String("g"), Strategy: types.PlacementStrategySpread})
	v := w.region.FSM.View()
	row, _ := state.Images.Get(v, alice, image)
	return map[types.ResourceType]string{
		types.ResourceTypeImage: image, types.ResourceTypeKeyPair: *key.KeyPairId, types.ResourceTypeInstance: *i.InstanceId,
		types.ResourceTypeVolume: *i.BlockDeviceMappings[0].Ebs.VolumeId, types.ResourceTypeSnapshot: row.Devices[0].SnapshotID,
		types.ResourceTypeNetworkInterface: *i.NetworkInterfaces[0].NetworkInterfaceId, types.ResourceTypeSubnet: *i.SubnetId,
		types.ResourceTypeVpc: *i.VpcId, types.ResourceTypeSecurityGroup: *i.SecurityGroups[0].GroupId,
		types.ResourceTypePlacementGroup: *group.PlacementGroup.GroupId,
	}
}

func TestTags_OnEveryKindOfResource(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	for kind, id := range w.ofEveryKind() {
		do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("Name", "n-"+id, "empty", "")})
		shown := do(w, alice, w.svc.DescribeTags, &sdk.DescribeTagsInput{Filters: filterOf("resource-id", id)}).Tags
		if len(shown) != 2 || shown[0].ResourceType != kind || *shown[0].Key != "Name" || *shown[0].Value != "n-"+id || *shown[1].Value != "" {
			t.Errorf("%s: %+v", kind, shown)
		}
		do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("Name", "new")})
		do(w, alice, w.svc.DeleteTags, &sdk.DeleteTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("empty")}, {Key: aws.String("absent")}}})
		if got := w.region.FSM.View().TagsOf(alice, id); !slices.Equal(got, []state.Tag{{Key: "Name", Value: "new"}}) {
			t.Errorf("%s: after overwrite and delete: %v", kind, got)
		}
		family, err := taggableOf(id)
		if err != nil {
			t.Fatal(err)
		}
		missing := family.family.Prefix + "0123456789abcdef0"
		for _, who := range []string{alice, bob} {
			refused(w, who, family.family.NotFound, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{missing}, Tags: tagList("a", "b")})
		}
		refused(w, bob, family.family.NotFound, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("a", "b")})
		refused(w, bob, family.family.NotFound, w.svc.DeleteTags, &sdk.DeleteTagsInput{Resources: []string{id}})
		refused(w, alice, family.family.Malformed, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{family.family.Prefix + "x"}, Tags: tagList("a", "b")})
	}
	if got := do(w, bob, w.svc.DescribeTags, &sdk.DescribeTagsInput{}).Tags; got == nil || len(got) != 0 {
		t.Errorf("another account sees %v", got)
	}
}

func TestDeleteTags_ByKeyValueAndAll(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	id := w.region.AddImage(t, alice, "base", 8)
	set := func() {
		do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("a", "1", "b", "", "c", "3")})
	}
	for _, c := range []struct {
		name string
		tags []types.Tag
		left string
	}{
		{"a key with any value", []types.Tag{{Key: aws.String("a")}}, "b=,c=3,"},
		{"a key with its value", []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}, "b=,c=3,"},
		{"a key with another value", []types.Tag{{Key: aws.String("a"), Value: aws.String("2")}}, "a=1,b=,c=3,"},
		{"an empty value matches only the empty one", []types.Tag{{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("b"), Value: aws.String("")}}, "a=1,c=3,"},
		{"all", nil, ""},
	} {
		set()
		do(w, alice, w.svc.DeleteTags, &sdk.DeleteTagsInput{Resources: []string{id}, Tags: c.tags})
		left := ""
		for _, tag := range w.region.FSM.View().TagsOf(alice, id) {
			left += tag.Key + "=" + tag.Value + ","
		}
		if left != c.left {
			t.Errorf("%s: left %q, want %q", c.name, left, c.left)
		}
	}
}

func TestCreateTags_IsAllOrNone(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	id := w.region.AddImage(t, alice, "base", 8)
	refused(w, alice, "InvalidVolume.NotFound", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id, "vol-0123456789abcdef0"}, Tags: tagList("a", "b")})
	if got := w.region.FSM.View().TagsOf(alice, id); len(got) != 0 {
		t.Errorf("a refused call set %v", got)
	}
	var many []types.Tag
	for i := range 50 {
		many = append(many, types.Tag{Key: aws.String(fmt.Sprint(i)), Value: aws.String("v")})
	}
	do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: many})
	refused(w, alice, "TagLimitExceeded", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("one", "more")})
	for code, in := range map[string]*sdk.CreateTagsInput{
		"MissingParameter":      {Tags: tagList("a", "b")},
		"InvalidParameterValue": {Resources: []string{id}, Tags: tagList("aws:a", "b")},
		"InvalidID":             {Resources: []string{"foo-0123456789abcdef0"}, Tags: tagList("a", "b")},
	} {
		refused(w, alice, code, w.svc.CreateTags, in)
	}
	refused(w, alice, "MissingParameter", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}})
	refused(w, alice, "InvalidParameterValue", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList(strings.Repeat("k", 129), "b")})
	refused(w, alice, "InvalidParameterValue", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("k", strings.Repeat("v", 257))})
	refused(w, alice, "InvalidParameterValue", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{id}, Tags: tagList("k", "1", "k", "2")})
	refused(w, alice, "InvalidParameterValue", w.svc.CreateTags, &sdk.CreateTagsInput{Resources: make([]string, 1001), Tags: tagList("k", "1")})
	refused(w, alice, "InvalidParameterValue", w.svc.DeleteTags, &sdk.DeleteTagsInput{Resources: []string{id}, Tags: tagList("aws:x", "")})
}

func TestDescribeTags_FiltersAndPages(t *testing.T) {
	t.Parallel()
	w := newResourceWorld(t)
	image, snap := w.region.AddImage(t, alice, "base", 8), ""
	row, _ := state.Images.Get(w.region.FSM.View(), alice, image)
	snap = row.Devices[0].SnapshotID
	do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{image}, Tags: tagList("a", "1", "b", "2", "c", "3", "d", "4")})
	do(w, alice, w.svc.CreateTags, &sdk.CreateTagsInput{Resources: []string{snap}, Tags: tagList("a", "1", "x", "2", "y", "9", "z", "")})
	for name, c := range map[string]struct {
		filters []types.Filter
		want    int
	}{
		"none": {nil, 8}, "key": {filterOf("key", "a"), 2}, "value": {filterOf("value", "2"), 2}, "empty value": {filterOf("value", ""), 1},
		"type": {filterOf("resource-type", "image"), 4}, "id": {filterOf("resource-id", snap), 4}, "tag:a": {filterOf("tag:a", "1"), 2},
		"tag:a other": {filterOf("tag:a", "2"), 0}, "and": {append(filterOf("key", "a", "b"), filterOf("resource-type", "image")...), 2},
	} {
		if got := do(w, alice, w.svc.DescribeTags, &sdk.DescribeTagsInput{Filters: c.filters}).Tags; len(got) != c.want {
			t.Errorf("%s: %d tags, want %d", name, len(got), c.want)
		}
	}
	first := do(w, alice, w.svc.DescribeTags, &sdk.DescribeTagsInput{MaxResults: aws.Int32(5)})
	if len(first.Tags) != 5 || first.NextToken == nil {
		t.Fatalf("first page: %d, %v", len(first.Tags), first.NextToken)
	}
	second := do(w, alice, w.svc.DescribeTags, &sdk.DescribeTagsInput{MaxResults: aws.Int32(5), NextToken: first.NextToken})
	if len(second.Tags) != 3 || second.NextToken != nil {
		t.Errorf("second page: %d, %v", len(second.Tags), second.NextToken)
	}
	refused(w, bob, "InvalidParameterValue", w.svc.DescribeTags, &sdk.DescribeTagsInput{NextToken: first.NextToken})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeTags, &sdk.DescribeTagsInput{MaxResults: aws.Int32(4)})
	refused(w, alice, "InvalidParameterValue", w.svc.DescribeTags, &sdk.DescribeTagsInput{Filters: filterOf("colour", "x")})
	if _, err := w.svc.CreateTags(w.ctx(alice, "CreateTags", dryRun), &sdk.CreateTagsInput{Resources: []string{image}, Tags: tagList("dry", "run")}); err == nil {
		t.Error("a dry run succeeded")
	}
	if got := w.region.FSM.View().TagsOf(alice, image); len(got) != 4 {
		t.Errorf("a dry run set tags: %v", got)
	}
}
