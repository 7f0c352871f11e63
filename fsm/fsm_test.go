// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hivecloud/hive/fsm"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

const account = "111111111111"

func launchOne(t *testing.T, r *fsmtest.Region, image, id string) {
	t.Helper()
	if err := r.Propose(t.Context(), launchOf(account, image, id, ""), nil); err != nil {
		t.Fatalf("launch %s: %v", id, err)
	}
}

func launchOf(account, image, id, token string) command.RunInstances {
	subnet := "subnet-0" + account + "000a"
	return command.RunInstances{AccountID: account, MinCount: 1, Token: token, ParamsHash: image, UserData: []byte("#!/bin/sh\n"),
		Launches: []command.Launch{{
			Instance: state.Instance{ID: "i-" + id, AccountID: account, ReservationID: "r-" + id, ImageID: image, Zone: fsmtest.Zone,
				Type: "t3.nano", Shape: state.Shape{VCPUs: 2, MemoryMiB: 512}, SubnetID: subnet, VPCID: "vpc-0" + account + "0000", ShutdownBehavior: "stop",
				Devices: []state.Device{{Name: "/dev/sda1", VolumeID: "vol-" + id, DeleteOnTermination: true}}},
			Interface: state.NetworkInterface{ID: "eni-" + id, SubnetID: subnet, MAC: "06:00:00:00:00:01", DeleteOnTermination: true},
			Volumes:   []state.Volume{{ID: "vol-" + id, SizeGiB: 1, Type: "gp3"}},
			Tags:      []command.LaunchTags{{ResourceID: "i-" + id, ResourceType: "instance", Tags: []state.Tag{{Key: "k", Value: "v"}}}},
		}}}
}

func TestInstanceLifeCycle(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	launchOne(t, r, image, "1")
	get := func() *state.Instance {
		i, ok := state.Instances.Get(r.FSM.View(), account, "i-1")
		if !ok {
			t.Fatal("instance i-1 is gone")
		}
		return i
	}
	if i := get(); i.State != state.Pending || i.PrivateIP != "172.31.0.4" || i.PublicIP != "127.80.0.1" {
		t.Fatalf("after launch: %+v", i)
	}
	r.Observe(t, "i-1", command.SawRunning)
	if i := get(); i.State != state.Running {
		t.Fatalf("after running: state %s", i.State)
	}
	var changes command.StateChanges
	if err := r.Propose(t.Context(), command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, &changes); err != nil {
		t.Fatal(err)
	}
	if c := changes.Changes[0]; c.Previous != state.Running || c.Current != state.Stopping {
		t.Fatalf("stop: %+v", c)
	}
	r.Observe(t, "i-1", command.SawStopped)
	if i := get(); i.State != state.Stopped || i.PublicIP != "" || i.PrivateIP == "" {
		t.Fatalf("after stop: %+v", i)
	}
	if err := r.Propose(t.Context(), command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, &changes); err != nil {
		t.Fatal(err)
	}
	if i := get(); i.State != state.Pending || i.Epoch != 2 || i.PublicIP == "" {
		t.Fatalf("after start: %+v", i)
	}
	r.Observe(t, "i-1", command.SawGuestShutdown)
	if i := get(); i.State != state.Stopping || i.Reason.Code != "Client.InstanceInitiatedShutdown" {
		t.Fatalf("after guest shutdown: %+v", i)
	}
	if err := r.Propose(t.Context(), command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, nil); err != nil {
		t.Fatal(err)
	}
	r.Observe(t, "i-1", command.SawTerminated)
	v := r.FSM.View()
	if i := get(); i.State != state.Terminated || i.UserDataHash != "" {
		t.Fatalf("after terminate: %+v", i)
	}
	if n := state.Blobs.Count(v) + state.NetworkInterfaces.Count(v); n != 0 {
		t.Fatalf("terminated instance left %d blobs and interfaces", n)
	}
	vol, ok := state.Volumes.Get(v, account, "vol-1")
	if !ok || vol.State != state.VolumeDeleting {
		t.Fatalf("root volume after terminate: %+v", vol)
	}
}

func TestClientToken_SecondLaunchIsTheFirst(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	var first, second command.Launched
	if err := r.Propose(t.Context(), launchOf(account, image, "1", "tok"), &first); err != nil {
		t.Fatal(err)
	}
	if err := r.Propose(t.Context(), launchOf(account, image, "2", "tok"), &second); err != nil {
		t.Fatal(err)
	}
	if second.InstanceIDs[0] != first.InstanceIDs[0] || state.Instances.Count(r.FSM.View()) != 1 {
		t.Fatalf("second launch made %v after %v", second, first)
	}
	other := launchOf(account, image, "3", "tok")
	other.ParamsHash = "different"
	var refusal *command.Error
	if err := r.Propose(t.Context(), other, nil); !errors.As(err, &refusal) || refusal.Code != "IdempotentParameterMismatch" {
		t.Fatalf("other parameters: got %v, want IdempotentParameterMismatch", err)
	}
}

func TestStaleReport_Ignored(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	launchOne(t, r, r.AddImage(t, account, "img", 1), "1")
	if err := r.Propose(t.Context(), command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: "n-other", Name: "other", Zone: fsmtest.Zone}}, nil); err != nil {
		t.Fatal(err)
	}
	for _, report := range []command.ReportInstances{
		{NodeID: "n-other", Reports: []command.InstanceReport{{InstanceID: "i-1", Epoch: 1, Saw: command.SawRunning}}},
		{NodeID: fsmtest.NodeID, Reports: []command.InstanceReport{{InstanceID: "i-1", Epoch: 0, Saw: command.SawRunning}}},
	} {
		if err := r.Propose(t.Context(), report, nil); err != nil {
			t.Fatal(err)
		}
		if i, _ := state.Instances.Get(r.FSM.View(), account, "i-1"); i.State != state.Pending {
			t.Fatalf("report %+v moved the instance to %s", report, i.State)
		}
	}
}

func TestSnapshotRestore_SameHash(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	launchOne(t, r, r.AddImage(t, account, "img", 1), "1")
	var b bytes.Buffer
	if err := r.FSM.Snapshot().Persist(&b); err != nil {
		t.Fatal(err)
	}
	twin := fsm.New()
	if err := twin.Restore(bytes.NewReader(b.Bytes())); err != nil {
		t.Fatal(err)
	}
	if twin.Hash() != r.FSM.Hash() || twin.Applied() != r.FSM.Applied() {
		t.Fatal("restored replica differs from its origin")
	}
	for at := range b.Len() {
		damaged := bytes.Clone(b.Bytes())
		damaged[at] ^= 0x40
		if at%7 == 0 && fsm.New().Restore(bytes.NewReader(damaged)) == nil {
			t.Fatalf("a flipped bit at byte %d was not noticed", at)
		}
	}
}

// TestTerminateStopped_TakesNoRoom: the room of a stopped instance may be another's; its end must not ask for it again.
func TestTerminateStopped_TakesNoRoom(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	launchOne(t, r, image, "1")
	r.Observe(t, "i-1", command.SawRunning)
	node := func() (string, state.Resources) {
		i, _ := state.Instances.Get(r.FSM.View(), account, "i-1")
		return i.NodeID, r.FSM.View().Allocated(i.NodeID)
	}
	if id, used := node(); used == (state.Resources{}) {
		t.Fatalf("a running instance takes nothing of %s", id)
	}
	if err := r.Propose(t.Context(), command.StopInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, nil); err != nil {
		t.Fatal(err)
	}
	r.Observe(t, "i-1", command.SawStopped)
	if err := r.Propose(t.Context(), command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, nil); err != nil {
		t.Fatal(err)
	}
	i, _ := state.Instances.Get(r.FSM.View(), account, "i-1")
	if id, used := node(); i.State != state.ShuttingDown || used != (state.Resources{}) {
		t.Errorf("%v instance takes %v of %s", i.State, used, id)
	}
}
