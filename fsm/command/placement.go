// SPDX-License-Identifier: Apache-2.0

package command

import "github.com/hivecloud/hive/fsm/state"

// CreatePlacementGroup makes a placement group.
type CreatePlacementGroup struct {
	Group state.PlacementGroup
	Tags  []state.Tag
}

// Type is the command's number.
func (CreatePlacementGroup) Type() Type { return 90 }

// DeletePlacementGroup removes a placement group that has no instances but terminated ones.
type DeletePlacementGroup struct{ AccountID, Name string }

// Type is the command's number.
func (DeletePlacementGroup) Type() Type { return 91 }

// ModifyInstancePlacement moves a stopped instance to or from a placement group, or to another partition of its group;
// a nil field leaves what it is. Where the instance runs is decided when it starts.
type ModifyInstancePlacement struct {
	AccountID  string
	InstanceID string
	GroupID    *string // "" takes the instance out of its group
	Partition  *int    // 0 leaves the choice to the planner
}

// Type is the command's number.
func (ModifyInstancePlacement) Type() Type { return 92 }
