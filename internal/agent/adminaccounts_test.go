// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/fsmtest"
	"github.com/hivecloud/hive/fsm/state"
)

// The operator's environment is an administrator's: the key of a user who may little would look like a broken region.
func TestAdministers_OnlyWhoMayDoEverything(t *testing.T) {
	t.Parallel()
	const account = "111111111111"
	r := fsmtest.NewRegion(t)
	r.AddAccount(t, account)
	bounded := state.User{AccountID: account, Name: "bounded", Attached: []string{state.AdministratorAccess}, Boundary: "arn:aws:iam::aws:policy/ReadOnlyAccess"}
	for _, u := range []state.User{{AccountID: account, Name: "reader"}, {AccountID: account, Name: "second", Attached: []string{state.AdministratorAccess}}, bounded} {
		if err := r.Propose(t.Context(), command.CreateUser{User: u}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"admin": true, "root": true, "second": true, "reader": false, "bounded": false, "nobody": false} {
		if got := administers(r.FSM.View(), &state.AccessKey{AccountID: account, UserName: name}); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
