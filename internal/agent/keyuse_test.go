// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// flaky is a region that refuses proposals while it is down.
type flaky struct {
	*fsmtest.Region
	down     bool
	proposed int
}

func (f *flaky) Local() *state.View { return f.FSM.View() }

func (f *flaky) Propose(ctx context.Context, c command.Command, into any) error {
	if f.down {
		return errors.New("no leader")
	}
	f.proposed++
	return f.Region.Propose(ctx, c, into)
}

func TestKeyUses_AreToldOnceAndNotLost(t *testing.T) {
	t.Parallel()
	const account = "111111111111"
	r := &flaky{Region: fsmtest.NewRegion(t)}
	r.AddAccount(t, account)
	if err := r.Region.Propose(t.Context(), command.CreateAccessKey{Key: state.AccessKey{ID: "AKIA1", AccountID: account, UserName: "admin"}}, nil); err != nil {
		t.Fatal(err)
	}
	k := &keyUses{region: r, log: hclog.NewNullLogger()}
	at := time.Date(2026, 11, 25, 8, 0, 30, 0, time.UTC)
	call := apigw.AuditEvent{Time: at, Service: "ec2", Region: "r1", Principal: apigw.Principal{AccountID: account, AccessKeyID: "AKIA1"}}
	observers{mute{}, k}.Record(t.Context(), call) // a forged signature
	k.tell(t.Context(), "n-1")
	if r.proposed != 0 {
		t.Fatal("a call that was not authenticated counts as a use")
	}
	call.Authenticated = true
	observers{mute{}, k}.Record(t.Context(), call)
	r.down = true
	k.tell(t.Context(), "n-1")
	r.down = false
	k.tell(t.Context(), "n-1")
	if use, ok := state.KeyUses.Get(r.FSM.View(), account, "AKIA1"); !ok || use.At.Std() != at.Truncate(time.Minute) || use.Service != "ec2" || use.Region != "r1" {
		t.Fatalf("use %+v, %v", use, ok)
	}
	observers{mute{}, k}.Record(t.Context(), call) // the same minute
	k.tell(t.Context(), "n-1")
	if r.proposed != 1 {
		t.Errorf("%d entries for the uses of one minute", r.proposed)
	}
}

type mute struct{}

func (mute) Record(context.Context, apigw.AuditEvent) {}
