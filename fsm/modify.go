// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// set copies *from over to when from is given.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// needsStopped tells whether the change is one that EC2 makes on stopped instances only.
func needsStopped(c command.ModifyInstance) bool {
	return c.InstanceType != nil || c.Shape != nil || c.UserData != nil || c.EBSOptimized != nil || c.ENASupport != nil || c.SriovNetSupport != nil
}

func (a *apply) modifyInstance(c command.ModifyInstance) (any, *command.Error) {
	old, refusal := a.instance(c.AccountID, c.InstanceID)
	if refusal != nil {
		return nil, refusal
	}
	i := *old
	if i.State == state.Terminated {
		return nil, command.Errorf("IncorrectInstanceState", "The instance '%s' is terminated.", i.ID)
	}
	if needsStopped(c) && i.State != state.Stopped {
		return nil, command.Errorf("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", i.ID)
	}
	set(&i.Type, c.InstanceType)
	set(&i.Shape, c.Shape)
	set(&i.DisableAPITermination, c.DisableAPITermination)
	set(&i.DisableAPIStop, c.DisableAPIStop)
	set(&i.EBSOptimized, c.EBSOptimized)
	set(&i.ENASupport, c.ENASupport)
	set(&i.SriovNetSupport, c.SriovNetSupport)
	set(&i.ShutdownBehavior, c.ShutdownBehavior)
	set(&i.CPUCredits, c.CPUCredits)
	set(&i.Metadata, c.Metadata)
	set(&i.AutoRecovery, c.AutoRecovery)
	set(&i.RebootMigration, c.RebootMigration)
	if c.UserData != nil {
		hash := a.keepBlob(*c.UserData, 1)
		a.dropBlob(i.UserDataHash)
		i.UserDataHash = hash
	}
	if refusal := a.modifyNetwork(&i, c); refusal != nil {
		return nil, refusal
	}
	if refusal := a.modifyDevices(&i, c.Devices); refusal != nil {
		return nil, refusal
	}
	state.Instances.Put(a.Txn, &i)
	return nil, nil
}

// modifyNetwork changes what the instance and its interface share.
func (a *apply) modifyNetwork(i *state.Instance, c command.ModifyInstance) *command.Error {
	if c.SourceDestCheck == nil && c.Groups == nil {
		return nil
	}
	for _, g := range c.Groups {
		if group, ok := state.SecurityGroups.Get(a.View, i.AccountID, g); !ok || group.VPCID != i.VPCID {
			return command.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", g)
		}
	}
	set(&i.SourceDestCheck, c.SourceDestCheck)
	if c.Groups != nil {
		i.SecurityGroups = slices.Clone(c.Groups)
	}
	if eni, ok := state.NetworkInterfaces.Get(a.View, i.AccountID, i.NetworkInterfaceID); ok {
		n := *eni
		n.SourceDestCheck, n.Groups = i.SourceDestCheck, i.SecurityGroups
		state.NetworkInterfaces.Put(a.Txn, &n)
	}
	return nil
}

func (a *apply) modifyDevices(i *state.Instance, changes []command.DeviceChange) *command.Error {
	if len(changes) == 0 {
		return nil
	}
	i.Devices = slices.Clone(i.Devices)
	for _, change := range changes {
		n := slices.IndexFunc(i.Devices, func(d state.Device) bool { return d.Name == change.Name })
		if n < 0 {
			return command.Errorf("InvalidInstanceAttributeValue", "No device is currently mapped at %s", change.Name)
		}
		i.Devices[n].DeleteOnTermination = change.DeleteOnTermination
		if old, ok := state.Volumes.Get(a.View, i.AccountID, i.Devices[n].VolumeID); ok && old.Attachment != nil {
			v, at := *old, *old.Attachment
			at.DeleteOnTermination = change.DeleteOnTermination
			v.Attachment = &at
			state.Volumes.Put(a.Txn, &v)
		}
	}
	return nil
}
