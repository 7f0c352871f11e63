// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

const vaultAccount = "111111111111"

// vault is a region of three members with secrets in all the places where there are any.
func vault(t *testing.T) *fsmtest.Region {
	t.Helper()
	r := fsmtest.NewRegion(t)
	agree(t, r, command.InitCluster{First: state.Member{NodeID: fsmtest.NodeID, Name: "test", KeyPin: "first"}, Cluster: state.Cluster{TargetSize: 3, ClusterCA: []byte("old root"), APICA: []byte("old api"),
		Keys: []state.SealedKey{{Name: state.RotateClusterCA, Box: []byte("ca 1"), Version: 1}, {Name: state.RotateAPICA, Box: []byte("api 1"), Version: 1}}}})
	agree(t, r, command.CreateJoinToken{Token: state.JoinToken{ID: "jt-1", SecretHash: "hash", Uses: 9, Expires: r.FSM.Now() + state.Time(time.Hour)}})
	for _, name := range []string{"b", "c"} {
		agree(t, r, admission(name, "pin"))
		agree(t, r, registration(name, "pin"))
	}
	r.AddAccount(t, vaultAccount)
	agree(t, r, command.CreateAccessKey{Key: state.AccessKey{ID: "AKIA1", AccountID: vaultAccount, UserName: "admin", Secret: []byte("secret 1"), KeyVersion: 1}})
	agree(t, r, command.CreateKMSKey{Key: state.KMSKey{ID: "k", AccountID: vaultAccount, Manager: "CUSTOMER", Materials: []state.KMSMaterial{{Box: []byte("material 1"), KeyVersion: 1}}}})
	return r
}

func begin(kind string, version int) command.StartRotation {
	return command.StartRotation{Rotation: state.Rotation{Kind: kind, Version: version, Sum: "sum", Cert: []byte("new root"), Key: state.SealedKey{Name: kind, Box: []byte("key 2"), Version: 1}}}
}

// all has every member say that it is where the rotation is.
func all(t *testing.T, r *fsmtest.Region, kind string) {
	t.Helper()
	now, _ := r.FSM.View().Rotation(kind)
	for m := range state.Members.All(r.FSM.View()) {
		if !m.Ejected {
			agree(t, r, command.AckRotation{NodeID: m.NodeID, Kind: kind, Version: now.Version, Phase: now.Phase})
		}
	}
}

func advance(kind string, version int, from string) command.AdvanceRotation {
	return command.AdvanceRotation{Kind: kind, Version: version, From: from}
}

func TestRotation_WaitsForEveryMemberInEveryPhase(t *testing.T) {
	t.Parallel()
	r := vault(t)
	const kind = state.RotateClusterCA
	refuse(t, r, begin(kind, 2), "RotationConflict")
	refuse(t, r, begin("salt", 1), "InvalidRotation")
	agree(t, r, begin(kind, 1))
	refuse(t, r, begin(kind, 2), "RotationInProgress")
	refuse(t, r, command.AckRotation{NodeID: "n-x", Kind: kind, Version: 1, Phase: state.RotationSpread}, "NodeNotAdmitted")
	refuse(t, r, command.AckRotation{NodeID: "n-b", Kind: kind, Version: 2, Phase: state.RotationSpread}, "RotationNotFound")

	refuse(t, r, command.AckRotation{NodeID: "n-b", Kind: kind, Version: 1, Phase: state.RotationUse}, "RotationConflict")
	agree(t, r, command.AckRotation{NodeID: "n-b", Kind: kind, Version: 1, Phase: state.RotationSpread})
	refuse(t, r, advance(kind, 1, state.RotationSpread), "RotationWaits")
	now, _ := r.FSM.View().Rotation(kind)
	if diff := cmp.Diff([]string{"n-c", fsmtest.NodeID}, r.FSM.View().Waiting(now)); diff != "" {
		t.Errorf("waits for %s", diff)
	}
	// Who is only admitted counts as well: it was handed what was in force then.
	agree(t, r, admission("d", "pin"))
	all(t, r, kind)
	agree(t, r, admission("d", "pin again")) // interrupted and begun anew: what it said is void
	refuse(t, r, advance(kind, 1, state.RotationSpread), "RotationWaits")
	all(t, r, kind)
	refuse(t, r, advance(kind, 1, state.RotationUse), "RotationConflict")
	agree(t, r, advance(kind, 1, state.RotationSpread))

	c, _ := r.FSM.View().Cluster()
	now, _ = r.FSM.View().Rotation(kind)
	if key, _ := c.Sealed(kind); string(c.ClusterCA) != "new root" || string(key.Box) != "key 2" || string(now.Old) != "old root" || string(c.APICA) != "old api" {
		t.Errorf("in use: cluster %+v, rotation %+v", c, now)
	}
	refuse(t, r, command.CancelRotation{Kind: kind, Version: 1}, "RotationConflict")
	refuse(t, r, advance(kind, 1, state.RotationUse), "RotationWaits")
	// A member that does not come back holds it up until an operator removes it.
	agree(t, r, command.EjectNode{NodeID: "n-c"})
	all(t, r, kind)
	agree(t, r, advance(kind, 1, state.RotationUse))
	all(t, r, kind)
	agree(t, r, advance(kind, 1, state.RotationRetire))
	now, _ = r.FSM.View().Rotation(kind)
	if now.Active() || now.Phase != state.RotationDone || len(now.Old)+len(now.Key.Box)+len(now.Acks) > 0 {
		t.Errorf("done: %+v", now)
	}
	agree(t, r, begin(kind, 2))
}

func TestRotation_HeldUntilAnOperatorSaysSo(t *testing.T) {
	t.Parallel()
	r := vault(t)
	c := begin(state.RotateAPICA, 1)
	c.Rotation.Hold = true
	agree(t, r, c)
	all(t, r, state.RotateAPICA)
	refuse(t, r, advance(state.RotateAPICA, 1, state.RotationSpread), "RotationWaits")
	agree(t, r, command.AdvanceRotation{Kind: state.RotateAPICA, Version: 1, From: state.RotationSpread, Force: true})
	if c, _ := r.FSM.View().Cluster(); string(c.APICA) != "new root" {
		t.Errorf("the API's authority is %s", c.APICA)
	}
}

func TestRotation_CancelledLeavesTheOld(t *testing.T) {
	t.Parallel()
	r := vault(t)
	const kind = state.RotateClusterKey
	agree(t, r, begin(kind, 2))
	agree(t, r, command.CancelRotation{Kind: kind, Version: 2})
	refuse(t, r, command.CancelRotation{Kind: kind, Version: 2}, "RotationNotFound")
	c, _ := r.FSM.View().Cluster()
	if oldest, newest := c.SealVersions(); oldest != 1 || newest != 1 {
		t.Errorf("versions %d to %d", oldest, newest)
	}
	// The number is never used again: a node that was away may still hold that key.
	refuse(t, r, begin(kind, 2), "RotationConflict")
	agree(t, r, begin(kind, 3))
}

func TestRotation_ClusterKeyIsRetiredWhenNothingNeedsIt(t *testing.T) {
	t.Parallel()
	r := vault(t)
	const kind = state.RotateClusterKey
	c := begin(kind, 2)
	c.Rotation.Key, c.Rotation.Cert = state.SealedKey{}, nil
	agree(t, r, c)
	agree(t, r, begin(state.RotateGossipKey, 1)) // its new key waits in the row, sealed under the old one
	all(t, r, kind)
	refuse(t, r, command.RewrapSecrets{Version: 2}, "RotationConflict")
	agree(t, r, advance(kind, 2, state.RotationSpread))
	all(t, r, kind)
	force := command.AdvanceRotation{Kind: kind, Version: 2, From: state.RotationUse, Force: true}
	refuse(t, r, force, "RotationWaits")

	rewrap := command.RewrapSecrets{Version: 2}
	names := map[string]string{}
	r.FSM.View().Sealed(func(s state.SealedRow) bool {
		names[s.Table+"/"+s.Name] = s.Account
		rewrap.Rows = append(rewrap.Rows, command.Rewrapped{Table: s.Table, Key: s.Key, Part: s.Part, Was: s.Version, Box: append([]byte("again "), s.Box...)})
		return true
	}, 2)
	want := map[string]string{"access_keys/AKIA1": vaultAccount, "kms_keys/kms/k/1": vaultAccount, "clusters/cluster-ca": "cluster", "clusters/api-ca": "cluster", "rotations/gossip-key": "cluster"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("sealed rows: %s", diff)
	}
	agree(t, r, rewrap)
	agree(t, r, rewrap) // nothing is at the old version any more, so nothing happens
	v := r.FSM.View()
	k, _ := state.AccessKeys.Get(v, state.AnyAccount, "AKIA1")
	m, _ := state.KMSKeys.Get(v, state.AnyAccount, "k")
	if string(k.Secret) != "again secret 1" || k.KeyVersion != 2 || string(m.Materials[0].Box) != "again material 1" || v.StaleSeals(2) != 0 {
		t.Errorf("after rewrapping: %+v, %+v, %d left", k, m, v.StaleSeals(2))
	}
	refuse(t, r, advance(kind, 2, state.RotationUse), "RotationWaits") // sessions live on
	agree(t, r, force)
	late := command.CreateAccessKey{Key: state.AccessKey{ID: "AKIA2", AccountID: vaultAccount, UserName: "admin", Secret: []byte("late"), KeyVersion: 1}}
	refuse(t, r, late, command.SealRetired)
	late.Key.KeyVersion = 2
	agree(t, r, late)
}
