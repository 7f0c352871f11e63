// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hivecloud/hive/fsm/state"
)

// Every call that works on alice's resources is made by bob: he sees nothing of hers and changes nothing of hers.
// Names that are hers do not exist for him; calls that name nothing answer with what is his.
func TestAnotherAccountSeesAndTouchesNothing(t *testing.T) {
	t.Parallel()
	for action := range Members {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			for _, c := range memberCases[action] {
				f := newFixture(t)
				in := c.base(f)
				hers := rowsOf(t, f.FSM.View(), alice)
				text, err := f.outcomeAs(t, bob, action, in, false)
				if got := rowsOf(t, f.FSM.View(), alice); got != hers {
					t.Errorf("alice's rows changed from\n%s\nto\n%s", hers, got)
				}
				if err != nil {
					if code, _ := codeOf(err); !strings.Contains(code, "NotFound") && code != "AuthFailure" && code != "InvalidPlacementGroup.Unknown" {
						t.Errorf("got %v, want an error that says that nothing is there", err)
					}
					continue
				}
				_, answer, _ := strings.Cut(text, "\nanswer ")
				for _, shared := range []string{f.image, f.snapshot(f.image)} { // public
					answer = strings.ReplaceAll(answer, f.names.Replace(shared), "")
				}
				for _, secret := range []string{f.running, f.stopped, f.private, f.disabled, spreadGroup, partitionGroup, f.volume(f.running), f.snapshot(f.private), "sg-0" + alice + "0000", "subnet-0" + alice + "000a", "vpc-0" + alice + "0000"} {
					if strings.Contains(answer, f.names.Replace(secret)) && !strings.Contains(answer, `"UnsuccessfulInstanceCreditSpecifications":[{`) {
						t.Errorf("bob sees alice's %s:\n%s", secret, answer)
					}
				}
			}
		})
	}
}

// rowsOf are an account's rows of every table, as text.
func rowsOf(t *testing.T, v *state.View, account string) string {
	t.Helper()
	var out strings.Builder
	dump := func(row any) {
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(b, '\n'))
	}
	dumpAll := func(list func(yield func(any) bool)) {
		for row := range list {
			dump(row)
		}
	}
	dumpAll(anyRows(state.Instances, v, account))
	dumpAll(anyRows(state.Volumes, v, account))
	dumpAll(anyRows(state.Snapshots, v, account))
	dumpAll(anyRows(state.Images, v, account))
	dumpAll(anyRows(state.KeyPairs, v, account))
	dumpAll(anyRows(state.PlacementGroups, v, account))
	dumpAll(anyRows(state.TagSets, v, account))
	dumpAll(anyRows(state.VPCs, v, account))
	dumpAll(anyRows(state.Subnets, v, account))
	dumpAll(anyRows(state.SecurityGroups, v, account))
	dumpAll(anyRows(state.NetworkInterfaces, v, account))
	return out.String()
}

func anyRows[R any](table *state.Table[R], v *state.View, account string) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		for row := range table.Of(v, account) {
			if !yield(row) {
				return
			}
		}
	}
}
