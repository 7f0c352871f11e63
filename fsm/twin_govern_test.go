// SPDX-License-Identifier: Apache-2.0

package fsm_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/fsm/command"
	"github.com/hivecloud/hive/fsm/state"
)

// kms draws a command about keys.
func (w *twins) kms(t *rapid.T, acct string) {
	key := drawn(t, slices.Collect(state.KMSKeys.All(w.a.View())), func(k *state.KMSKey) string { return k.ID }, "k-none")
	alias := rapid.SampledFrom([]string{"alias/a", "alias/b"}).Draw(t, "alias")
	on := rapid.Bool().Draw(t, "on")
	switch rapid.IntRange(0, 6).Draw(t, "kms") {
	case 0, 1:
		w.apply(t, command.CreateKMSKey{Alias: rapid.SampledFrom([]string{"", "alias/aws/ebs"}).Draw(t, "own alias"), Key: state.KMSKey{ID: w.fresh("k"), AccountID: acct, Rotation: on, RotationDays: 90,
			Manager: rapid.SampledFrom([]string{"AWS", "CUSTOMER"}).Draw(t, "manager"), Materials: []state.KMSMaterial{{Box: []byte{1}, KeyVersion: 1}}}})
	case 2:
		w.apply(t, command.ModifyKMSKey{AccountID: acct, KeyID: key, Enabled: &on, Tags: []state.Tag{{Key: "t", Value: "v"}}})
	case 3:
		w.apply(t, command.ScheduleKMSDeletion{AccountID: acct, KeyID: key, Days: rapid.IntRange(0, 1).Draw(t, "days")})
	case 4:
		w.apply(t, command.RotateKMSKey{AccountID: acct, KeyID: key, Material: state.KMSMaterial{Version: rapid.IntRange(1, 3).Draw(t, "version"), Box: []byte{2}, OnDemand: on}})
	case 5:
		w.apply(t, command.SetKMSAlias{AccountID: acct, Name: alias, KeyID: key, New: on})
	case 6:
		w.apply(t, command.DeleteKMSAlias{AccountID: acct, Name: alias})
	}
}

// govern draws a command about accounts. The accounts themselves stay: the other steps need them.
func (w *twins) govern(t *rapid.T, acct string) {
	policy := rapid.SampledFrom([]string{"p-1", "p-2", state.FullAccess}).Draw(t, "policy")
	switch rapid.IntRange(0, 5).Draw(t, "govern") {
	case 0:
		w.apply(t, command.SetAccountStatus{AccountID: acct, Status: rapid.SampledFrom([]string{state.AccountActive, state.AccountSuspended, "x"}).Draw(t, "status")})
	case 1:
		w.apply(t, command.RemoveAccount{AccountID: acct})
	case 2:
		w.apply(t, command.PutServiceControlPolicy{Policy: state.ServiceControlPolicy{ID: policy, Name: "n" + policy, Document: "{}"}})
	case 3:
		w.apply(t, command.DeleteServiceControlPolicy{PolicyID: policy})
	case 4:
		w.apply(t, command.AttachServiceControlPolicy{PolicyID: policy, AccountID: acct, Detach: rapid.Bool().Draw(t, "detach")})
	case 5:
		w.apply(t, command.SetQuota{AccountID: acct, Code: rapid.SampledFrom([]string{"instances", "vcpus-standard", "x"}).Draw(t, "code"), Value: rapid.Int64Range(0, 4).Draw(t, "value"),
			Reset: rapid.Bool().Draw(t, "reset")})
	}
}
