// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// Reasons that EC2 documents for StateReason.
var (
	reasonUser      = state.Reason{Code: "Client.UserInitiatedShutdown", Message: "Client.UserInitiatedShutdown: User initiated shutdown"}
	reasonGuest     = state.Reason{Code: "Client.InstanceInitiatedShutdown", Message: "Client.InstanceInitiatedShutdown: Instance initiated shutdown"}
	reasonInternal  = "Server.InternalError"
	transitionStamp = "2006-01-02 15:04:05"
)

// instance finds a live or dead instance of the account.
func (a *apply) instance(account, id string) (*state.Instance, *command.Error) {
	i, ok := state.Instances.Get(a.View, account, id)
	if !ok {
		return nil, command.Errorf("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}
	return i, nil
}

// instances finds all of them or says which do not exist.
func (a *apply) instances(account string, ids []string) ([]*state.Instance, *command.Error) {
	var found []*state.Instance
	for _, id := range ids {
		i, refusal := a.instance(account, id)
		if refusal != nil {
			return nil, refusal
		}
		found = append(found, i)
	}
	return found, nil
}

// userTransition is EC2's StateTransitionReason for what a user asked.
func (a *apply) userTransition() string {
	return "User initiated (" + a.now.Std().Format(transitionStamp) + " GMT)"
}

// enter moves an instance to a state.
func (a *apply) enter(i *state.Instance, s state.InstanceState) {
	if i.State != s {
		i.StateSince = a.now
	}
	i.State = s
	if s == state.Terminated {
		i.TerminatedAt = a.now
	}
}

func (a *apply) startInstances(c command.StartInstances) (any, *command.Error) {
	found, refusal := a.instances(c.AccountID, c.InstanceIDs)
	if refusal != nil {
		return nil, refusal
	}
	var out command.StateChanges
	for _, old := range found {
		change := command.StateChange{InstanceID: old.ID, Previous: old.State, Current: old.State}
		switch old.State {
		case state.Running, state.Pending:
		case state.Stopped:
			if refusal := a.start(c, *old); refusal != nil {
				return nil, refusal
			}
			change.Current = state.Pending
		default:
			return nil, command.Errorf("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be started.", old.ID)
		}
		out.Changes = append(out.Changes, change)
	}
	if refusal := a.checkQuota(c.AccountID); refusal != nil {
		return nil, refusal
	}
	return out, nil
}

// start carries out the plan for one stopped instance.
func (a *apply) start(c command.StartInstances, i state.Instance) *command.Error {
	if c.Refusal != nil {
		return c.Refusal
	}
	place, ok := c.Plan[i.ID]
	if !ok || !c.Planned {
		return noCapacity(i.Type, i.Zone)
	}
	if refusal := a.place(place, &i); refusal != nil {
		return refusal
	}
	i.NodeID, i.Charge, i.BootMode, i.Partition = place.NodeID, place.Charge, place.BootMode, place.Partition
	i.Epoch++
	i.Generation++
	i.Desired, i.Force, i.LaunchTime = state.Running, false, a.now
	i.Reason, i.TransitionReason, i.Impaired = state.Reason{}, "", ""
	for _, old := range slices.Collect(state.Volumes.List(a.View, state.ByInstance, i.ID)) {
		v := *old
		v.Epoch++
		state.Volumes.Put(a.Txn, &v)
	}
	if refusal := a.publish(&i); refusal != nil {
		return refusal
	}
	a.enter(&i, state.Pending)
	state.Instances.Put(a.Txn, &i)
	return nil
}

func (a *apply) stopInstances(c command.StopInstances) (any, *command.Error) {
	found, refusal := a.instances(c.AccountID, c.InstanceIDs)
	if refusal != nil {
		return nil, refusal
	}
	var out command.StateChanges
	for _, old := range found {
		change := command.StateChange{InstanceID: old.ID, Previous: old.State, Current: old.State}
		if old.Live() && old.State != state.Stopped && old.DisableAPIStop {
			return nil, command.Errorf("OperationNotPermitted", "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", old.ID)
		}
		switch {
		case old.State == state.Stopped:
		case old.State == state.Running, old.State == state.Stopping && c.Force && !old.Force:
			i := *old
			i.Desired, i.Force = state.Stopped, c.Force
			i.Generation++
			i.Reason, i.TransitionReason = reasonUser, a.userTransition()
			if c.Reason.Code != "" {
				i.Reason, i.TransitionReason = c.Reason, c.Transition
			}
			a.enter(&i, state.Stopping)
			state.Instances.Put(a.Txn, &i)
			change.Current = state.Stopping
		case old.State == state.Stopping:
		default:
			return nil, command.Errorf("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be stopped.", old.ID)
		}
		out.Changes = append(out.Changes, change)
	}
	return out, nil
}

func (a *apply) rebootInstances(c command.RebootInstances) (any, *command.Error) {
	found, refusal := a.instances(c.AccountID, c.InstanceIDs)
	if refusal != nil {
		return nil, refusal
	}
	for _, old := range found {
		switch old.State {
		case state.Terminated:
			continue // "requests to reboot instances that are terminated are ignored" (API_RebootInstances)
		case state.Running, state.Pending:
		default:
			return nil, command.Errorf("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be rebooted.", old.ID)
		}
		i := *old
		i.RebootSeq++
		i.Generation++
		state.Instances.Put(a.Txn, &i)
	}
	return nil, nil
}

func (a *apply) terminateInstances(c command.TerminateInstances) (any, *command.Error) {
	found, refusal := a.instances(c.AccountID, c.InstanceIDs)
	if refusal != nil {
		return nil, refusal
	}
	var out command.StateChanges
	for _, old := range found {
		change := command.StateChange{InstanceID: old.ID, Previous: old.State, Current: old.State}
		if old.Live() {
			if old.DisableAPITermination {
				return nil, command.Errorf("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", old.ID)
			}
			i := *old
			i.Reason, i.TransitionReason = reasonUser, a.userTransition()
			a.endInstance(&i)
			state.Instances.Put(a.Txn, &i)
			change.Current = i.State
		}
		out.Changes = append(out.Changes, change)
	}
	return out, nil
}

// endInstance makes an instance go for good. One whose node is gone has no guest, and nobody who could report its end.
func (a *apply) endInstance(i *state.Instance) {
	i.Desired = state.Terminated
	i.Generation++
	if a.Gone(i.NodeID) {
		a.terminated(i)
		return
	}
	if i.State == state.Stopped {
		i.Guestless = true // its room may be another's by now
	}
	a.enter(i, state.ShuttingDown)
}

func (a *apply) monitorInstances(c command.MonitorInstances) (any, *command.Error) {
	found, refusal := a.instances(c.AccountID, c.InstanceIDs)
	if refusal != nil {
		return nil, refusal
	}
	for _, old := range found {
		i := *old
		i.Monitoring = c.Enabled
		state.Instances.Put(a.Txn, &i)
	}
	return nil, nil
}
