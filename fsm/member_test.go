// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// club is a region that nodes can join, with one token of two uses that lasts an hour.
func club(t *testing.T) *fsmtest.Region {
	t.Helper()
	r := fsmtest.NewRegion(t)
	agree(t, r, command.InitCluster{Cluster: state.Cluster{TargetSize: 3}, First: state.Member{NodeID: fsmtest.NodeID, Name: "test", KeyPin: "first"}})
	agree(t, r, command.CreateJoinToken{Token: state.JoinToken{ID: "jt-1", SecretHash: "hash", Uses: 2, Expires: r.FSM.Now() + state.Time(time.Hour)}})
	return r
}

func agree(t *testing.T, r *fsmtest.Region, c command.Command) {
	t.Helper()
	if err := r.Propose(t.Context(), c, nil); err != nil {
		t.Fatalf("%T: %v", c, err)
	}
}

func refuse(t *testing.T, r *fsmtest.Region, c command.Command, code string) {
	t.Helper()
	var refusal *command.Error
	if err := r.Propose(t.Context(), c, nil); !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("%T: got %v, want %s", c, err, code)
	}
}

func admission(name, pin string) command.AdmitNode {
	return command.AdmitNode{SecretHash: "hash", Member: state.Member{NodeID: "n-" + name, Name: name, Zone: fsmtest.Zone, KeyPin: pin, TokenID: "jt-1", ClusterAddr: name + ":1"}}
}

func registration(name, pin string) command.RegisterNode {
	return command.RegisterNode{Node: state.Node{FormatLevel: state.FormatLevel, ID: "n-" + name, Name: name, Zone: fsmtest.Zone, ClusterAddr: name + ":2"}, KeyPin: pin, GossipAddr: name + ":3"}
}

func used(t *testing.T, r *fsmtest.Region) int {
	t.Helper()
	k, ok := state.JoinTokens.Get(r.FSM.View(), state.AnyAccount, "jt-1")
	if !ok {
		t.Fatal("the token is gone")
	}
	return k.Used
}

func TestJoinToken_AdmitsAsManyAsItSays(t *testing.T) {
	t.Parallel()
	r := club(t)
	agree(t, r, admission("b", "pin-b"))
	agree(t, r, registration("b", "pin-b"))
	agree(t, r, admission("c", "pin-c"))
	refuse(t, r, admission("d", "pin-d"), "JoinTokenUsedUp")
	m, _ := state.Members.Get(r.FSM.View(), state.AnyAccount, "n-b")
	if m.Registered == 0 || m.ClusterAddr != "b:2" || m.GossipAddr != "b:3" {
		t.Fatalf("member after its registration: %+v", m)
	}
}

func TestJoinToken_Refusals(t *testing.T) {
	t.Parallel()
	r := club(t)
	wrong := admission("b", "pin-b")
	wrong.SecretHash = "guess"
	refuse(t, r, wrong, "JoinTokenNotFound")
	foreign := admission("b", "pin-b")
	foreign.Member.TokenID = "jt-other"
	refuse(t, r, foreign, "JoinTokenNotFound")
	nowhere := admission("b", "pin-b")
	nowhere.Member.Zone = "eu-other-1a"
	refuse(t, r, nowhere, "InvalidZone")
	refuse(t, r, admission("test", "pin-b"), "NodeAlreadyExists")
	if n := used(t, r); n != 0 {
		t.Fatalf("refusals spent %d uses", n)
	}
	agree(t, r, command.RevokeJoinToken{TokenID: "jt-1"})
	refuse(t, r, admission("b", "pin-b"), "JoinTokenRevoked")

	r = club(t)
	r.Advance(2 * time.Hour)
	refuse(t, r, admission("b", "pin-b"), "JoinTokenExpired")
	refuse(t, r, command.CreateJoinToken{Token: state.JoinToken{ID: "jt-2", SecretHash: "h", Uses: 1, Expires: r.FSM.Now() + state.Time(30*24*time.Hour)}}, "InvalidJoinToken")
}

func TestInterruptedJoin_RetriedWithoutAnotherUse(t *testing.T) {
	t.Parallel()
	r := club(t)
	agree(t, r, admission("b", "pin-lost"))
	agree(t, r, admission("b", "pin-b"))
	if n := used(t, r); n != 1 {
		t.Fatalf("a join and its retry spent %d uses, want 1", n)
	}
	// Whoever was displaced does not come in with the old key.
	refuse(t, r, registration("b", "pin-lost"), "NodeKeyMismatch")
	agree(t, r, registration("b", "pin-b"))
	refuse(t, r, admission("b", "pin-again"), "NodeAlreadyExists")
}

func TestAdmittedNodeThatNeverCame_IsForgotten(t *testing.T) {
	t.Parallel()
	r := club(t)
	agree(t, r, admission("b", "pin-b"))
	r.Advance(10 * time.Minute)
	agree(t, r, command.Tick{})
	if n := used(t, r); n != 1 {
		t.Fatalf("after ten minutes the token counts %d", n)
	}
	r.Advance(10 * time.Minute)
	agree(t, r, command.Tick{})
	if n := used(t, r); n != 0 {
		t.Fatalf("after twenty minutes the token counts %d, want 0", n)
	}
	refuse(t, r, registration("b", "pin-b"), "NodeNotAdmitted")
	agree(t, r, admission("b", "pin-c"))
	r.Advance(48 * time.Hour)
	agree(t, r, command.Tick{})
	if n := state.JoinTokens.Count(r.FSM.View()); n != 0 {
		t.Fatalf("%d tokens are kept a day after they expired", n)
	}
}

func TestEjectedNode_ComesBackOnlyByAnotherJoin(t *testing.T) {
	t.Parallel()
	r := club(t)
	agree(t, r, admission("b", "pin-b"))
	agree(t, r, registration("b", "pin-b"))
	agree(t, r, command.EjectNode{NodeID: "n-b"})
	refuse(t, r, registration("b", "pin-b"), "NodeEjected")
	refuse(t, r, command.AdvertiseNode{NodeID: "n-b", ClusterAddr: "x:1"}, "NodeNotAdmitted")
	agree(t, r, admission("b", "pin-new"))
	agree(t, r, registration("b", "pin-new"))
}

func TestSettings_NoEpochTwice(t *testing.T) {
	t.Parallel()
	r := club(t)
	agree(t, r, command.PublishSettings{Epoch: 1, Settings: []byte("a")})
	refuse(t, r, command.PublishSettings{Epoch: 1, Settings: []byte("b")}, "SettingsConflict")
	if c, _ := r.FSM.View().Cluster(); string(c.Settings) != "a" {
		t.Fatalf("settings are %s", c.Settings)
	}
}
