// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

func (a *apply) importImage(c command.ImportImage) (any, *command.Error) {
	s := c.Snapshot
	if _, ok := state.Snapshots.Get(a.View, state.AnyAccount, s.ID); ok {
		return nil, command.Errorf("InvalidSnapshot.InUse", "The snapshot id %s is in use.", s.ID)
	}
	s.State, s.Started, s.Completed, s.Nodes = state.SnapshotCompleted, a.now, a.now, sorted(s.Nodes)
	state.Snapshots.Put(a.Txn, &s)
	return a.registerImage(command.RegisterImage{Image: c.Image, Tags: c.Tags})
}

func (a *apply) registerImage(c command.RegisterImage) (any, *command.Error) {
	i := c.Image
	if other, ok := state.Images.First(a.View, state.ByName, state.ImageKeyName(i.AccountID, i.Name)); ok {
		return nil, command.Errorf("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", i.Name, other.ID)
	}
	for _, d := range i.Devices {
		if d.SnapshotID == "" {
			continue
		}
		s, ok := state.Snapshots.Get(a.View, state.AnyAccount, d.SnapshotID)
		if !ok || (s.AccountID != i.AccountID && !s.Public) {
			return nil, command.Errorf("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", d.SnapshotID)
		}
		if s.State != state.SnapshotCompleted {
			return nil, command.Errorf("InvalidSnapshot.InUse", "The snapshot '%s' is not completed.", d.SnapshotID)
		}
	}
	i.State, i.Created, i.LaunchAccounts = state.ImageAvailable, a.now, sorted(i.LaunchAccounts)
	state.Images.Put(a.Txn, &i)
	return nil, a.tag(i.AccountID, i.ID, "image", c.Tags)
}

// ownImage finds an image that the account owns. Another's is one that does not exist, or, when the account may see
// it, one that it may not change.
func (a *apply) ownImage(account, id string) (*state.Image, *command.Error) {
	i, ok := state.Images.Get(a.View, state.AnyAccount, id)
	if !ok || !i.MayLaunch(account) {
		return nil, command.Errorf("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
	}
	if i.AccountID != account {
		return nil, command.Errorf("AuthFailure", "Not authorized for image:%s", id)
	}
	return i, nil
}

func (a *apply) deregisterImage(c command.DeregisterImage) (any, *command.Error) {
	i, refusal := a.ownImage(c.AccountID, c.ImageID)
	if refusal != nil {
		return nil, refusal
	}
	state.Images.Delete(a.Txn, i.ID)
	a.dropAllTags(i.ID)
	var out command.Deregistered
	if !c.DeleteSnapshots {
		return out, nil
	}
	for _, d := range i.Devices {
		if d.SnapshotID == "" {
			continue
		}
		outcome := command.SnapshotOutcome{SnapshotID: d.SnapshotID, Code: "success"}
		if _, refusal := a.deleteSnapshot(command.DeleteSnapshot{AccountID: c.AccountID, SnapshotID: d.SnapshotID}); refusal != nil {
			outcome.Code = "skipped"
		}
		out.Snapshots = append(out.Snapshots, outcome)
	}
	return out, nil
}

func (a *apply) modifyImage(c command.ModifyImage) (any, *command.Error) {
	old, refusal := a.ownImage(c.AccountID, c.ImageID)
	if refusal != nil {
		return nil, refusal
	}
	i := *old
	if shares := c.Public != nil && *c.Public || len(c.AddAccounts) > 0; shares && i.State == state.ImageDisabled {
		return nil, command.Errorf("OperationNotPermitted", "The image %s is disabled and cannot be shared.", i.ID)
	}
	set(&i.Description, c.Description)
	set(&i.Deprecation, c.Deprecation)
	set(&i.State, c.State)
	set(&i.IMDS, c.IMDS)
	set(&i.Public, c.Public)
	if c.ResetLaunch {
		i.Public, i.LaunchAccounts = false, nil
	}
	i.LaunchAccounts = slices.DeleteFunc(sorted(append(slices.Clone(i.LaunchAccounts), c.AddAccounts...)),
		func(account string) bool { return slices.Contains(c.RemoveAccounts, account) })
	state.Images.Put(a.Txn, &i)
	return nil, nil
}

func (a *apply) deleteSnapshot(c command.DeleteSnapshot) (any, *command.Error) {
	s, ok := state.Snapshots.Get(a.View, c.AccountID, c.SnapshotID)
	if !ok {
		return nil, command.Errorf("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", c.SnapshotID)
	}
	for i := range state.Images.All(a.View) {
		if slices.ContainsFunc(i.Devices, func(d state.ImageDevice) bool { return d.SnapshotID == s.ID }) {
			return nil, command.Errorf("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", s.ID, i.ID)
		}
	}
	for v := range state.Volumes.All(a.View) {
		// A volume that is still being cloned needs the snapshot's bytes.
		if v.SnapshotID == s.ID && v.Attachment != nil && v.Attachment.State == "attaching" {
			return nil, command.Errorf("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", s.ID, v.ID)
		}
	}
	a.dropTags(s.AccountID, s.ID)
	state.Snapshots.Delete(a.Txn, s.ID)
	return nil, nil
}

// reportSnapshot records that one more node has a snapshot's bytes.
func (a *apply) reportSnapshot(c command.ReportSnapshot) (any, *command.Error) {
	old, ok := state.Snapshots.Get(a.View, state.AnyAccount, c.SnapshotID)
	if !ok {
		return nil, command.Errorf("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", c.SnapshotID)
	}
	s := *old
	s.Nodes = sorted(append(slices.Clone(s.Nodes), c.NodeID))
	state.Snapshots.Put(a.Txn, &s)
	return nil, nil
}
