// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestPlacementGroup_OneNode: on a region of one node a spread group takes one instance, whatever room there is, and the
// refusal of the second says why; the group goes when its instance is gone.
func TestPlacementGroup_OneNode(t *testing.T) {
	r := shared
	made := r.ok(t, "CreatePlacementGroup", params{"GroupName": "e2e-apart", "Strategy": "spread"})
	if got := dig(made, "PlacementGroup", "GroupArn"); got == nil || !strings.HasSuffix(got.(string), ":placement-group/e2e-apart") {
		t.Errorf("made %v", made)
	}
	r.refused(t, "CreatePlacementGroup", params{"GroupName": "e2e-apart", "Strategy": "cluster"}, "InvalidPlacementGroup.Duplicate")
	into := params{"Placement": params{"GroupName": "e2e-apart"}}
	id := r.launch(t, into)
	r.reach(t, id, "running")
	if got := dig(r.describe(t, id), "Placement", "GroupName"); got != "e2e-apart" {
		t.Errorf("the instance is in the group %v", got)
	}
	second := params{"ImageId": r.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "Placement": params{"GroupName": "e2e-apart"}}
	if f := r.refused(t, "RunInstances", second, "InsufficientInstanceCapacity"); f != nil && !strings.Contains(f.Message, "spread placement group") {
		t.Errorf("the refusal does not say why: %s", f.Message)
	}
	r.refused(t, "DeletePlacementGroup", params{"GroupName": "e2e-apart"}, "InvalidPlacementGroup.InUse")
	r.ok(t, "TerminateInstances", params{"InstanceIds": list{id}})
	r.reach(t, id, "terminated")
	r.ok(t, "DeletePlacementGroup", params{"GroupName": "e2e-apart"})
	r.refused(t, "DescribePlacementGroups", params{"GroupNames": list{"e2e-apart"}}, "InvalidPlacementGroup.Unknown")
}
