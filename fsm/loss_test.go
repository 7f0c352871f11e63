// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

const spare = "n-spare"

// lossRegion is a region of two nodes with one running instance, i-1, on fsmtest.NodeID.
func lossRegion(t *testing.T, tags ...state.Tag) *fsmtest.Region {
	t.Helper()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	n, _ := state.Nodes.Get(r.FSM.View(), state.AnyAccount, fsmtest.NodeID)
	other := *n
	other.ID, other.Name = spare, "spare"
	mustPropose(t, r, command.RegisterNode{Node: other})
	c := launchOf(account, r.AddImage(t, account, "img", 1), "1", "")
	image, _ := state.Images.Get(r.FSM.View(), account, c.Launches[0].Instance.ImageID)
	c.Launches[0].Volumes[0].SnapshotID = image.Devices[0].SnapshotID
	mustPropose(t, r, c)
	if len(tags) > 0 {
		mustPropose(t, r, command.CreateTags{AccountID: account, Resources: []string{"i-1"}, Tags: tags})
	}
	r.Observe(t, "i-1", command.SawRunning)
	mustPropose(t, r, command.BeginLeases{Term: 4, Leader: spare})
	mustPropose(t, r, command.ArmNode{NodeID: fsmtest.NodeID, Epoch: 1, Armed: true})
	return r
}

func mustPropose(t *testing.T, r *fsmtest.Region, c command.Command) {
	t.Helper()
	if err := r.Propose(t.Context(), c, nil); err != nil {
		t.Fatalf("propose %T: %v", c, err)
	}
}

func refused(t *testing.T, r *fsmtest.Region, c command.Command, code string) *command.Error {
	t.Helper()
	var refusal *command.Error
	if err := r.Propose(t.Context(), c, nil); !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("propose %+v: got %v, want %s", c, err, code)
	}
	return refusal
}

func theInstance(t *testing.T, r *fsmtest.Region) *state.Instance {
	t.Helper()
	i, ok := state.Instances.Get(r.FSM.View(), account, "i-1")
	if !ok {
		t.Fatal("instance i-1 is not there")
	}
	return i
}

var loss = command.LoseNode{NodeID: fsmtest.NodeID, Epoch: 1, Term: 4}

func TestNodeLost_InstanceStopsAndSaysWhy(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	mustPropose(t, r, loss)
	i := theInstance(t, r)
	if i.State != state.Stopped || i.Desired != state.Stopped || i.Reason.Code != "Server.InternalError" || !strings.Contains(i.Reason.Message, "node test") || i.Epoch != 2 {
		t.Errorf("instance after the loss: %s, wants %s, epoch %d, %+v", i.State, i.Desired, i.Epoch, i.Reason)
	}
	// The node does not know yet: nothing that it says counts, in any epoch that it can know of.
	for _, epoch := range []uint64{0, 1, 2} {
		refused(t, r, command.ReportInstances{NodeID: fsmtest.NodeID, NodeEpoch: epoch,
			Reports: []command.InstanceReport{{InstanceID: "i-1", Epoch: 1, Saw: command.SawRunning}}}, "StaleNode")
	}
	refused(t, r, command.ReportNode{NodeID: fsmtest.NodeID, NodeEpoch: 1}, "StaleNode")
	refused(t, r, command.ArmNode{NodeID: fsmtest.NodeID, Epoch: 1, Armed: true}, "StaleNode")
	// Nothing is placed on it, not even its own instances.
	refused(t, r, command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, command.PlanConflict)

	var back command.Registered
	n, _ := state.Nodes.Get(r.FSM.View(), state.AnyAccount, fsmtest.NodeID)
	if err := r.Propose(t.Context(), command.RegisterNode{Node: *n}, &back); err != nil || back.Epoch != 3 {
		t.Fatalf("register again: %v, epoch %d", err, back.Epoch)
	}
	refused(t, r, command.ReportNode{NodeID: fsmtest.NodeID, NodeEpoch: 1}, "StaleNode")
	mustPropose(t, r, command.ReportNode{NodeID: fsmtest.NodeID, NodeEpoch: 3})
	mustPropose(t, r, command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
	if i := theInstance(t, r); i.State != state.Pending || i.NodeID != fsmtest.NodeID {
		t.Errorf("after the node's return: %s on %s", i.State, i.NodeID)
	}
	var kinds []string
	for _, e := range r.FSM.View().EventsAfter(2) {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); got != "node.lost instance.stopped node.returned" {
		t.Errorf("events: %s", got)
	}
}

func TestNodeLost_RemadeElsewhereWhereTheOwnerWantsIt(t *testing.T) {
	t.Parallel()
	r := lossRegion(t, state.Tag{Key: state.RecoveryTag, Value: state.RecoveryRemake})
	before := theInstance(t, r)
	c := loss
	c.Moves = []command.Move{{InstanceID: "i-1", Place: command.Assignment{NodeID: spare, Charge: before.Charge, BootMode: "uefi"},
		Volumes: []command.FreshVolume{{Device: before.Devices[0].Name, VolumeID: "vol-fresh"}}}}
	mustPropose(t, r, c)
	i := theInstance(t, r)
	if i.State != state.Pending || i.NodeID != spare || i.Epoch != before.Epoch+1 || i.PrivateIP != before.PrivateIP || i.PublicIP != before.PublicIP {
		t.Errorf("instance after the loss: %+v", i)
	}
	fresh, ok := state.Volumes.Get(r.FSM.View(), account, "vol-fresh")
	if !ok || i.Devices[0].VolumeID != "vol-fresh" || fresh.NodeID != spare || fresh.Attachment.InstanceID != "i-1" {
		t.Errorf("fresh volume: %+v", fresh)
	}
	if old, ok := state.Volumes.Get(r.FSM.View(), account, before.Devices[0].VolumeID); !ok || old.State != state.VolumeDeleting || old.NodeID != fsmtest.NodeID {
		t.Errorf("old volume: %+v", old)
	}
}

func TestNodeLost_WithoutRoomElsewhereItStops(t *testing.T) {
	t.Parallel()
	r := lossRegion(t, state.Tag{Key: state.RecoveryTag, Value: state.RecoveryRemake})
	refused(t, r, loss, command.PlanConflict) // nobody looked for a place
	c := loss
	c.Moves = []command.Move{{InstanceID: "i-1"}} // the scheduler looked and found none
	mustPropose(t, r, c)
	if i := theInstance(t, r); i.State != state.Stopped || !strings.Contains(i.Reason.Message, "no other node has room") {
		t.Errorf("instance: %s, %+v", i.State, i.Reason)
	}
}

func TestNodeLost_Refusals(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	c := loss
	c.Term = 3
	refused(t, r, c, "StaleTerm")
	c = loss
	c.Epoch = 2
	refused(t, r, c, "StaleNode")
	refused(t, r, command.BeginLeases{Term: 3, Leader: "n-old"}, "StaleTerm")
	mustPropose(t, r, command.BeginLeases{Term: 5, Leader: spare})
	refused(t, r, loss, "StaleTerm")
	c = loss
	c.Term = 5
	mustPropose(t, r, command.ArmNode{NodeID: fsmtest.NodeID, Epoch: 1, Armed: false})
	refused(t, r, c, "NodeNotFenced")
	if i := theInstance(t, r); i.State != state.Running || i.Epoch != 1 {
		t.Errorf("a refused loss changed the instance: %s, epoch %d", i.State, i.Epoch)
	}
}

func TestTerminate_OnALostNodeIsDoneAtOnce(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	mustPropose(t, r, loss)
	var out command.StateChanges
	if err := r.Propose(t.Context(), command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, &out); err != nil {
		t.Fatal(err)
	}
	if i := theInstance(t, r); i.State != state.Terminated || out.Changes[0].Current != state.Terminated {
		t.Errorf("instance: %s, answered %s", i.State, out.Changes[0].Current)
	}
}

func TestDrain_StopsInstancesAndTakesNoWork(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	mustPropose(t, r, command.DrainNode{NodeID: fsmtest.NodeID, Draining: true})
	if i := theInstance(t, r); i.State != state.Stopping || i.Reason.Code != "Server.ScheduledStop" || i.Force {
		t.Errorf("instance: %s, %+v, force %v", i.State, i.Reason, i.Force)
	}
	r.Observe(t, "i-1", command.SawStopped)
	refused(t, r, command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, command.PlanConflict)
	mustPropose(t, r, command.DrainNode{NodeID: fsmtest.NodeID})
	mustPropose(t, r, command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
}

func TestRemove_RefusedThenForced(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	refusal := refused(t, r, command.RemoveNode{NodeID: fsmtest.NodeID}, "NodeInUse")
	if !strings.Contains(refusal.Message, "1 instances, 1 volumes") {
		t.Errorf("refusal: %s", refusal.Message)
	}
	mustPropose(t, r, command.RemoveNode{NodeID: fsmtest.NodeID, Force: true})
	mustPropose(t, r, command.RemoveNode{NodeID: fsmtest.NodeID, Force: true}) // again is no error
	v := r.FSM.View()
	if !v.Denied(fsmtest.NodeID) {
		t.Error("the removed node is not denied")
	}
	if i := theInstance(t, r); i.State != state.Stopped {
		t.Errorf("instance: %s", i.State)
	}
	refused(t, r, command.RegisterNode{Node: state.Node{ID: fsmtest.NodeID, Name: "test", Zone: fsmtest.Zone}}, "NodeRemoved")
	refused(t, r, command.RemoveNode{NodeID: spare, Force: true}, "NodeInUse")
	mustPropose(t, r, command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}})
	if i := theInstance(t, r); i.State != state.Terminated {
		t.Errorf("terminated after the removal: %s", i.State)
	}
	if n := state.Volumes.Count(r.FSM.View()); n != 0 {
		t.Errorf("%d volumes of a removed node stay", n)
	}
}

func TestCapabilities_OutweighTheNodesOwn(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	mustPropose(t, r, command.SetCapabilities{NodeID: fsmtest.NodeID, Caps: []string{"raft", "api"}})
	n, _ := state.Nodes.Get(r.FSM.View(), state.AnyAccount, fsmtest.NodeID)
	again := *n
	again.Caps = []string{"ec2"}
	mustPropose(t, r, command.RegisterNode{Node: again})
	if n, _ := state.Nodes.Get(r.FSM.View(), state.AnyAccount, fsmtest.NodeID); strings.Join(n.Caps, " ") != "api raft" {
		t.Errorf("capabilities after a restart: %v", n.Caps)
	}
}

func TestEvents_OldOnesAreForgotten(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	for n := range state.EventSlots + 10 {
		mustPropose(t, r, command.CordonNode{NodeID: fsmtest.NodeID, Cordoned: n%2 == 0})
	}
	events := r.FSM.View().EventsAfter(0)
	if len(events) != state.EventSlots || events[0].Seq != 12 || events[len(events)-1].Seq != state.EventSlots+11 {
		t.Errorf("%d events from %d to %d", len(events), events[0].Seq, events[len(events)-1].Seq)
	}
}

// TestRemovedNode_IsNoMemberAndMayNotJoinAgain: what refuses its certificate refuses its admission too.
func TestRemovedNode_IsNoMemberAndMayNotJoinAgain(t *testing.T) {
	t.Parallel()
	r := lossRegion(t)
	mustPropose(t, r, command.InitCluster{Cluster: state.Cluster{TargetSize: 3}, First: state.Member{NodeID: fsmtest.NodeID, Name: "first", Zone: fsmtest.Zone}})
	mustPropose(t, r, command.CreateJoinToken{Token: state.JoinToken{ID: "jt-1", SecretHash: "h", Uses: 2, Expires: state.At(time.Now().Add(time.Hour))}})
	admit := command.AdmitNode{SecretHash: "h", Member: state.Member{NodeID: "n-late", Name: "late", Zone: fsmtest.Zone, KeyPin: "pin", TokenID: "jt-1"}}
	mustPropose(t, r, admit)
	mustPropose(t, r, command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: "n-late", Name: "late", Zone: fsmtest.Zone}, KeyPin: "pin"})
	mustPropose(t, r, command.RemoveNode{NodeID: "n-late"})
	if m, ok := state.Members.Get(r.FSM.View(), state.AnyAccount, "n-late"); !ok || !m.Ejected {
		t.Errorf("member after the removal: %+v", m)
	}
	refused(t, r, admit, "NodeRemoved")
}
