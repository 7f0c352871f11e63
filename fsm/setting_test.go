// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

func refusedWith(t *testing.T, err error, code string) *command.Error {
	t.Helper()
	var refusal *command.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	return refusal
}

func set(t *testing.T, r *fsmtest.Region, key, value string) {
	t.Helper()
	if err := r.Propose(t.Context(), command.SetSetting{Key: key, Value: value}, nil); err != nil {
		t.Fatalf("set %s to %s: %v", key, value, err)
	}
}

func TestSettings_WhatIsRefusedNamesWhatIsKnown(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	refusal := refusedWith(t, r.Propose(t.Context(), command.SetSetting{Key: "quota.vcpu", Value: "1"}, nil), "UnknownSetting")
	for _, d := range state.SettingDefs() {
		if !strings.Contains(refusal.Message, d.Key) {
			t.Errorf("%q does not name %s", refusal.Message, d.Key)
		}
	}
	for key, bad := range map[string][]string{
		state.SettingVCPUs: {"", "-1", "1.5", "many", "99999999999999999999"}, state.SettingAccessKeys: {"0", "101"},
		state.SettingTerminatedVisible: {"1h0m0.5s", "30s", "200h", "1"}, state.SettingIMDSTokens: {"Required", "", "optional,required"},
		state.SettingVolumeType: {"io2"}, state.SettingZones: {"", ",", "a,a", "A", "zone 1", strings.Repeat("z", 64)},
	} {
		for _, value := range bad {
			refusal := refusedWith(t, r.Propose(t.Context(), command.SetSetting{Key: key, Value: value}, nil), "InvalidSettingValue")
			if d, _ := state.FindSetting(key); !strings.Contains(refusal.Message, d.Form) {
				t.Errorf("%q does not say what %s takes", refusal.Message, key)
			}
		}
	}
	if state.Settings.Count(r.FSM.View()) != 0 {
		t.Error("a refused setting left a row")
	}
}

func TestSettings_DefaultsAreCanonicalAndInOrder(t *testing.T) {
	t.Parallel()
	v := fsmtest.NewRegion(t).FSM.View()
	var keys []string
	for _, d := range state.SettingDefs() {
		keys = append(keys, d.Key)
		if value := v.SettingValue(d.Key); value != v.SettingDefault(d) {
			t.Errorf("%s is %q, its default %q", d.Key, value, v.SettingDefault(d))
		}
		if got, ok := d.Canonical(v.SettingDefault(d)); !ok || got != v.SettingDefault(d) {
			t.Errorf("default %q of %s is kept as %q, %v", v.SettingDefault(d), d.Key, got, ok)
		}
	}
	if !slices.IsSorted(keys) {
		t.Errorf("keys out of order: %v", keys)
	}
}

func TestSettings_TakeEffectOnTheNextCommand(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	image := r.AddImage(t, account, "img", 1)
	set(t, r, state.SettingVCPUs, " 0 ")
	launchOne(t, r, image, "1")

	set(t, r, state.SettingVCPUs, "1")
	refusedWith(t, r.Propose(t.Context(), launchOf(account, image, "2", ""), nil), "VcpuLimitExceeded")
	set(t, r, state.SettingVCPUs, "1024") // what the region began with
	if state.Settings.Count(r.FSM.View()) != 0 {
		t.Error("a setting that has its default again is still kept")
	}

	set(t, r, state.SettingStorage, "1")
	refusedWith(t, r.Propose(t.Context(), launchOf(account, image, "2", ""), nil), "VolumeLimitExceeded")
	if err := r.Propose(t.Context(), command.SetSetting{Key: state.SettingStorage, Reset: true}, nil); err != nil {
		t.Fatal(err)
	}
	launchOne(t, r, image, "2")

	set(t, r, state.SettingKeyPairs, "1")
	pair := func(id string) error {
		return r.Propose(t.Context(), command.CreateKeyPair{Pair: state.KeyPair{ID: "key-" + id, AccountID: account, Name: id}}, nil)
	}
	if err := pair("a"); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, pair("b"), "KeyPairLimitExceeded")

	key := func(n int) error {
		return r.Propose(t.Context(), command.CreateAccessKey{Key: state.AccessKey{ID: fmt.Sprintf("AKIA%d", n), AccountID: account, UserName: "admin"}}, nil)
	}
	set(t, r, state.SettingAccessKeys, "3")
	for n := range 3 {
		if err := key(n); err != nil {
			t.Fatal(err)
		}
	}
	refusedWith(t, key(4), "LimitExceeded")
}

func TestTerminatedVisible_BoundsWhatTickForgets(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	launchOne(t, r, r.AddImage(t, account, "img", 1), "1")
	set(t, r, state.SettingTerminatedVisible, "5m")
	if err := r.Propose(t.Context(), command.TerminateInstances{AccountID: account, InstanceIDs: []string{"i-1"}}, nil); err != nil {
		t.Fatal(err)
	}
	r.Observe(t, "i-1", command.SawTerminated)
	for _, tc := range []struct {
		wait time.Duration
		left int
	}{{4 * time.Minute, 1}, {2 * time.Minute, 0}} {
		r.Advance(tc.wait)
		if err := r.Propose(t.Context(), command.Tick{}, nil); err != nil {
			t.Fatal(err)
		}
		if n := state.Instances.Count(r.FSM.View()); n != tc.left {
			t.Fatalf("%d instances after %s, want %d", n, tc.wait, tc.left)
		}
	}
}

func TestZones_GrowAndKeepWhatIsUsed(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	set(t, r, state.SettingZones, "eu-test-1c, eu-test-1a,eu-test-1b")
	region, _ := r.FSM.View().Region()
	want := []state.Zone{{Name: "eu-test-1a", ID: "eut1-az1", State: "available"}, {Name: "eu-test-1b", ID: "eut1-az2", State: "available"},
		{Name: "eu-test-1c", ID: state.ZoneID(fsmtest.Name, "eu-test-1c"), State: "available"}}
	if !slices.Equal(region.Zones, want) {
		t.Errorf("zones %+v, want %+v", region.Zones, want)
	}
	refusedWith(t, r.Propose(t.Context(), command.SetSetting{Key: state.SettingZones, Value: "eu-test-1c"}, nil), "SettingInUse")
	refusedWith(t, r.Propose(t.Context(), command.SetSetting{Key: state.SettingZones, Value: "eu-test-1a,eu-test-1b,rack1,rack2"}, nil), "InvalidSettingValue")
	refusedWith(t, r.Propose(t.Context(), command.SetSetting{Key: state.SettingZones, Reset: true}, nil), "InvalidSettingValue")
	subnets := func() (out []string) {
		for s := range state.Subnets.Of(r.FSM.View(), account) {
			if s.Zone == "eu-test-1c" && s.DefaultForAZ && s.MapPublicIP && s.VPCID != "" {
				out = append(out, s.CIDR)
			}
		}
		return out
	}
	if got := subnets(); !slices.Equal(got, []string{"172.31.32.0/20"}) {
		t.Errorf("default subnets of an older account in a new zone: %v", got)
	}
	set(t, r, state.SettingZones, "eu-test-1c, eu-test-1a,eu-test-1b")
	if got := subnets(); len(got) != 1 {
		t.Errorf("the same zones again: %v", got)
	}
	set(t, r, state.SettingZones, "eu-test-1a,eu-test-1b")
	if got := subnets(); len(got) != 0 {
		t.Errorf("the zone is gone, its empty subnet is not: %v", got)
	}
	many := "eu-test-1a,eu-test-1b"
	for c := 'c'; c <= 'q'; c++ {
		many += ",eu-test-1" + string(c)
	}
	refusedWith(t, r.Propose(t.Context(), command.SetSetting{Key: state.SettingZones, Value: many}, nil), "InvalidSettingValue")
	if got := state.ZoneID("ap-southeast-2", "ap-southeast-2b"); got != "apse2-az2" {
		t.Errorf("zone id %s", got)
	}
}

// Defaults are part of how Apply behaves: a changed one would make replicas of two versions differ. They change with a
// new format level only.
func TestSettings_SchemaIsFrozen(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, d := range state.SettingDefs() {
		fmt.Fprintf(&b, "%s|%s|%s\n", d.Key, d.Default, d.Form)
	}
	want, err := os.ReadFile("testdata/settings.golden")
	if err != nil || string(want) != b.String() {
		t.Errorf("the schema is now (%v)\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestReserve_KeepsPartOfANodeFree(t *testing.T) {
	t.Parallel()
	r := fsmtest.NewRegion(t)
	n, _ := state.Nodes.Get(r.FSM.View(), state.AnyAccount, fsmtest.NodeID)
	if got := r.FSM.View().Offered(n); got != n.Schedulable {
		t.Fatalf("offered %+v without the setting, want %+v", got, n.Schedulable)
	}
	set(t, r, state.SettingReserve, "25")
	want := state.Resources{MilliCPU: n.Physical.MilliCPU * 3 / 4, MemoryMiB: n.Physical.MemoryMiB * 3 / 4}
	if got := r.FSM.View().Offered(n); got != want {
		t.Fatalf("offered %+v with a quarter kept free, want %+v", got, want)
	}
}
