// SPDX-License-Identifier: Apache-2.0

package fsm

import (
	"slices"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// beginLeases opens a leader's reign over the leases. Terms only grow, so that a late entry of an earlier leader
// cannot take them back.
func (a *apply) beginLeases(c command.BeginLeases) (any, *command.Error) {
	if now := a.LeaseTerm(); c.Term < now.Term || c.Term == now.Term && c.Leader != now.Leader {
		return nil, command.Errorf("StaleTerm", "Leases are given in term %d by %s, no longer in term %d.", now.Term, now.Leader, c.Term)
	}
	state.LeaseTerms.Put(a.Txn, &state.LeaseTerm{Key: state.LeaseTermKey, Term: c.Term, Leader: c.Leader, Since: a.now})
	return nil, nil
}

// loseNode declares a node lost and decides about its instances in the same step, so that no moment exists in which
// the node is lost and an instance still its own.
//
// Three comparisons make it safe. The term: what an earlier leader concluded is void, since the present one may have
// given the node a lease since. The epoch: a node that registered meanwhile is there. Armed: guests that stand under no
// fence may run on, so nothing of theirs may be given away.
func (a *apply) loseNode(c command.LoseNode) (any, *command.Error) {
	old, refusal := a.node(c.NodeID)
	if refusal != nil {
		return nil, refusal
	}
	if now := a.LeaseTerm(); now.Term != c.Term {
		return nil, command.Errorf("StaleTerm", "Leases are watched in term %d, no longer in term %d.", now.Term, c.Term)
	}
	s := a.Standing(c.NodeID)
	if s.Lost || old.Epoch != c.Epoch {
		return nil, command.Errorf(staleNode, "The node %s is in epoch %d, not in epoch %d.", old.Name, old.Epoch, c.Epoch)
	}
	mine := slices.Collect(state.Instances.List(a.View, state.ByNode, c.NodeID))
	if !s.Armed && slices.ContainsFunc(mine, (*state.Instance).Holds) {
		return nil, command.Errorf("NodeNotFenced", "The guests of the node %s stand under no fence: they may run on.", old.Name)
	}
	n := *old
	n.Epoch++
	s.Lost, s.LostAt, s.Armed = true, a.now, false
	state.Nodes.Put(a.Txn, &n)
	state.Standings.Put(a.Txn, &s)
	a.event(state.EventNodeLost, n.ID, "", "The node %s was lost: its lease ended.", n.Name)
	out := command.Lost{Epoch: n.Epoch}
	for _, i := range mine {
		recovered, refusal := a.recover(*i, n.Name, c.Moves)
		if refusal != nil {
			return nil, refusal
		}
		if recovered {
			out.Recovered = append(out.Recovered, i.ID)
		} else if i.Desired == state.Running && i.Holds() {
			out.Stopped = append(out.Stopped, i.ID)
		}
	}
	return out, nil
}

// recover decides about one instance of a lost node: made anew elsewhere where its owner wants that, or ended. A plan
// that no longer fits is refused, so that the leader plans again.
func (a *apply) recover(i state.Instance, nodeName string, moves []command.Move) (bool, *command.Error) {
	if i.Desired != state.Running || !i.Holds() || !a.Remakes(&i) {
		a.lose(i, nodeName, "was lost; it can start again when the node, which has its volumes, is back")
		return false, nil
	}
	at := slices.IndexFunc(moves, func(m command.Move) bool { return m.InstanceID == i.ID })
	if at < 0 { // it came here after the leader looked, perhaps from a node that was lost a moment ago
		return false, command.Errorf(command.PlanConflict, "The instance %s of the node %s is not in the plan.", i.ID, nodeName)
	}
	if moves[at].Place.NodeID == "" {
		a.lose(i, nodeName, "was lost, and no other node has room for it")
		return false, nil
	}
	from, move := i.NodeID, moves[at]
	if refusal := a.remake(i, move); refusal != nil {
		return false, refusal
	}
	a.event(state.EventInstanceRecovered, from, i.ID, "The instance %s is made anew on the node %s.", i.ID, a.nameOf(move.Place.NodeID))
	return true, nil
}

// lose ends an instance whose node is gone. Its guest is down, or paused by its guard until the node is back and
// ends it: its epoch is over. Nobody can report that, so the state follows at once.
func (a *apply) lose(i state.Instance, nodeName, why string) {
	if i.State == state.Terminated || i.State == state.Stopped {
		return
	}
	i.Epoch++
	i.Generation++
	switch i.Desired {
	case state.Terminated:
		a.terminated(&i)
		a.event(state.EventInstanceTerminated, i.NodeID, i.ID, "The instance %s is terminated: the node %s is gone.", i.ID, nodeName)
	case state.Running:
		i.Desired, i.TransitionReason = state.Stopped, ""
		i.Reason = state.Reason{Code: reasonInternal, Message: reasonInternal + ": The node " + nodeName + " of the instance " + why}
		fallthrough
	default:
		a.stopped(&i)
		a.event(state.EventInstanceStopped, i.NodeID, i.ID, "The instance %s is stopped: the node %s is gone.", i.ID, nodeName)
	}
	state.Instances.Put(a.Txn, &i)
}

// remake starts an instance on another node with volumes made anew from their snapshots. What it wrote stays behind on
// the old volumes, which go, or stay as available ones, as DeleteOnTermination says.
func (a *apply) remake(i state.Instance, m command.Move) *command.Error {
	if refusal := a.place(m.Place, &i); refusal != nil {
		return refusal
	}
	i.Devices = slices.Clone(i.Devices)
	for n := range i.Devices {
		if refusal := a.renewVolume(&i, &i.Devices[n], m); refusal != nil {
			return refusal
		}
	}
	i.NodeID, i.Charge, i.BootMode, i.Partition = m.Place.NodeID, m.Place.Charge, m.Place.BootMode, m.Place.Partition
	i.Epoch++
	i.Generation++
	i.Desired, i.Force, i.LaunchTime = state.Running, false, a.now
	i.Reason, i.TransitionReason, i.Impaired, i.Ports = state.Reason{}, "", "", nil
	i.ObservedReboot = i.RebootSeq
	if refusal := a.publish(&i); refusal != nil {
		return refusal
	}
	a.enter(&i, state.Pending)
	state.Instances.Put(a.Txn, &i)
	return nil
}

// renewVolume puts a fresh volume in the place of a device's old one.
func (a *apply) renewVolume(i *state.Instance, d *state.Device, m command.Move) *command.Error {
	id := ""
	for _, v := range m.Volumes {
		if v.Device == d.Name {
			id = v.VolumeID
		}
	}
	old, ok := state.Volumes.Get(a.View, i.AccountID, d.VolumeID)
	if _, taken := state.Volumes.Get(a.View, state.AnyAccount, id); !ok || taken || id == "" {
		return command.Errorf(command.PlanConflict, "The device %s of %s cannot be made anew as volume %q.", d.Name, i.ID, id)
	}
	fresh, stale := *old, *old
	fresh.ID, fresh.NodeID, fresh.Epoch, fresh.Created, fresh.State, fresh.Made = id, m.Place.NodeID, 1, a.now, state.VolumeInUse, false
	fresh.Attachment = &state.Attachment{InstanceID: i.ID, Device: d.Name, State: "attaching", DeleteOnTermination: d.DeleteOnTermination, Attached: a.now}
	stale.Attachment, stale.State = nil, state.VolumeAvailable
	if d.DeleteOnTermination {
		stale.State = state.VolumeDeleting
	}
	state.Volumes.Put(a.Txn, &stale)
	state.Volumes.Put(a.Txn, &fresh)
	d.VolumeID, d.Attached = id, a.now
	return a.tag(i.AccountID, id, "volume", a.TagsOf(i.AccountID, old.ID))
}

// publish gives an instance that starts its automatic public address, unless it has one.
func (a *apply) publish(i *state.Instance) *command.Error {
	eni, ok := state.NetworkInterfaces.Get(a.View, i.AccountID, i.NetworkInterfaceID)
	if !ok || eni.PublicIP != "" {
		return nil
	}
	subnet, ok := state.Subnets.Get(a.View, i.AccountID, i.SubnetID)
	if !ok || !subnet.MapPublicIP {
		return nil
	}
	n := *eni
	var refusal *command.Error
	if n.PublicIP, refusal = a.addresses().publicly(); refusal != nil {
		return refusal
	}
	state.NetworkInterfaces.Put(a.Txn, &n)
	i.PublicIP = n.PublicIP
	return nil
}
