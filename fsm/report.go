// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// reportInstances folds a node's observations in. An observation of an instance that is not assigned to the node in
// that epoch is ignored: it comes from a stale owner.
func (a *apply) reportInstances(c command.ReportInstances) (any, *command.Error) {
	if _, refusal := a.reporter(c.NodeID, c.NodeEpoch); refusal != nil {
		return nil, refusal
	}
	for _, r := range c.Reports {
		old, ok := state.Instances.Get(a.View, state.AnyAccount, r.InstanceID)
		if !ok || old.NodeID != c.NodeID || old.Epoch != r.Epoch || old.State == state.Terminated {
			continue
		}
		i := *old
		a.observe(&i, r)
		state.Instances.Put(a.Txn, &i)
	}
	return nil, nil
}

// observe is the instance's transition on one observation. What contradicts the desire is dropped: the executor will
// act on the newer generation and report again.
func (a *apply) observe(i *state.Instance, r command.InstanceReport) {
	switch r.Saw {
	case command.SawRunning:
		i.Ports = slices.Clone(r.Ports)
		if i.Desired == state.Running {
			a.enter(i, state.Running)
			a.runsOnVolumes(i)
		}
	case command.SawImpaired:
		i.Impaired = r.Reason.Message
	case command.SawRebooted:
		i.ObservedReboot = max(i.ObservedReboot, r.RebootSeq)
	case command.SawGuestShutdown:
		a.guestShutdown(i)
	case command.SawCrashed:
		a.crashed(i, r.Reason)
	case command.SawFailed:
		a.failed(i, r)
	case command.SawStopped:
		if i.Desired == state.Stopped && i.State != state.Stopped {
			a.stopped(i)
		}
	case command.SawTerminated:
		if i.Desired == state.Terminated {
			a.terminated(i)
		}
	}
}

// guestShutdown: the guest powered itself off. InstanceInitiatedShutdownBehavior decides what becomes of it.
func (a *apply) guestShutdown(i *state.Instance) {
	if i.Desired != state.Running {
		return
	}
	i.Reason, i.TransitionReason = reasonGuest, ""
	if i.ShutdownBehavior == "terminate" {
		a.endInstance(i)
		return
	}
	i.Desired, i.Force = state.Stopped, true
	i.Generation++
	a.enter(i, state.Stopping)
}

// crashed: the hypervisor died. With auto recovery the executor starts the guest again and nothing changes here.
func (a *apply) crashed(i *state.Instance, reason state.Reason) {
	if i.Desired != state.Running {
		return
	}
	if i.AutoRecovery != "disabled" {
		i.Impaired = reason.Message
		return
	}
	i.Reason = state.Reason{Code: reasonInternal, Message: reasonInternal + ": " + reason.Message}
	i.Desired, i.Force = state.Stopped, true
	i.Generation++
	a.enter(i, state.Stopping)
}

// failed: the guest could not be started. A first launch ends terminated, a later start ends stopped, as in EC2.
func (a *apply) failed(i *state.Instance, r command.InstanceReport) {
	if i.Desired != state.Running || i.State != state.Pending {
		return
	}
	i.Reason = r.Reason
	if i.LaunchTime == i.Created {
		a.endInstance(i)
		return
	}
	i.Desired, i.Force = state.Stopped, true
	i.Generation++
	a.enter(i, state.Stopping)
}

// stopped: the guest is down, its volumes stay attached, its automatic public address goes back to the pool.
func (a *apply) stopped(i *state.Instance) {
	a.enter(i, state.Stopped)
	i.PublicIP, i.Ports, i.Impaired = "", nil, ""
	if old, ok := state.NetworkInterfaces.Get(a.View, i.AccountID, i.NetworkInterfaceID); ok {
		n := *old
		n.PublicIP = ""
		state.NetworkInterfaces.Put(a.Txn, &n)
	}
}

// terminated: the guest is gone. Volumes go with it or become available, its interface goes, its user data too.
func (a *apply) terminated(i *state.Instance) {
	for _, old := range slices.Collect(state.Volumes.List(a.View, state.ByInstance, i.ID)) {
		v := *old
		v.State = state.VolumeAvailable
		if v.Attachment.DeleteOnTermination {
			v.State = state.VolumeDeleting
		}
		v.Attachment = nil
		if a.Denied(v.NodeID) { // its bytes left with the node: nobody can delete them, and nobody can use them
			v.State = state.VolumeError
			if old.Attachment.DeleteOnTermination {
				a.dropTags(v.AccountID, v.ID)
				state.Volumes.Delete(a.Txn, v.ID)
				continue
			}
		}
		state.Volumes.Put(a.Txn, &v)
	}
	for _, old := range slices.Collect(state.NetworkInterfaces.List(a.View, state.ByInstance, i.ID)) {
		if old.DeleteOnTermination {
			a.dropTags(old.AccountID, old.ID)
			state.NetworkInterfaces.Delete(a.Txn, old.ID)
			continue
		}
		n := *old
		n.InstanceID, n.AttachmentID, n.Status, n.PublicIP = "", "", "available", ""
		state.NetworkInterfaces.Put(a.Txn, &n)
	}
	a.dropProfile(i.ID)
	a.dropBlob(i.UserDataHash)
	i.UserDataHash, i.Devices, i.Ports, i.Impaired = "", nil, nil, ""
	i.PrivateIP, i.PublicIP, i.NetworkInterfaceID = "", "", ""
	i.Charge = state.Resources{}
	a.enter(i, state.Terminated)
}

// runsOnVolumes: a guest runs on the instance's volumes, so they are attached, and made.
func (a *apply) runsOnVolumes(i *state.Instance) {
	for _, old := range slices.Collect(state.Volumes.List(a.View, state.ByInstance, i.ID)) {
		if old.Made && old.Attachment.State == "attached" {
			continue
		}
		v, at := *old, *old.Attachment
		at.State, v.Made = "attached", true
		v.Attachment = &at
		state.Volumes.Put(a.Txn, &v)
	}
}

// reportVolumes folds observations of volumes in. Only the node that has the bytes may report.
func (a *apply) reportVolumes(c command.ReportVolumes) (any, *command.Error) {
	if _, refusal := a.reporter(c.NodeID, c.NodeEpoch); refusal != nil {
		return nil, refusal
	}
	for _, r := range c.Reports {
		old, ok := state.Volumes.Get(a.View, state.AnyAccount, r.VolumeID)
		if !ok || old.NodeID != c.NodeID {
			continue
		}
		if r.State == command.VolumeDeleted {
			if old.State == state.VolumeDeleting {
				a.dropTags(old.AccountID, old.ID)
				state.Volumes.Delete(a.Txn, old.ID)
			}
			continue
		}
		if old.State == state.VolumeCreating || r.State == state.VolumeError {
			v := *old
			v.State = r.State
			state.Volumes.Put(a.Txn, &v)
		}
	}
	return nil, nil
}
