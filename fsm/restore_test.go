// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"slices"
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

func TestRestoreRegion_WhatRanIsStoppedAndKeepsItsVolumes(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	launchOne(t, r, image, "1")
	launchOne(t, r, image, "2")
	r.Observe(t, "i-1", command.SawRunning)
	var did command.Restored
	if err := r.Propose(t.Context(), command.RestoreRegion{}, &did); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(did.Stopped, []string{"i-1", "i-2"}) {
		t.Errorf("stopped %v", did.Stopped)
	}
	for i := range state.Instances.All(r.FSM.View()) {
		v, ok := state.Volumes.Get(r.FSM.View(), account, i.Devices[0].VolumeID)
		if i.State != state.Stopped || i.Desired != state.Stopped || i.PublicIP != "" || i.Reason.Message == "" || !ok || v.Attachment == nil {
			t.Errorf("%+v, volume %+v", i, v)
		}
	}
	if err := r.Propose(t.Context(), command.StartInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, nil); err != nil {
		t.Errorf("start after restore: %v", err)
	}
}
