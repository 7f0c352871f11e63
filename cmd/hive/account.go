// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAccount(a *app) *cobra.Command {
	return group("account", "Create, bound, suspend and delete accounts", newAccountCreate(a), newAccountList(a), newAccountSuspend(a), newAccountResume(a), newAccountDelete(a),
		group("quota", "Limits of an account", newAccountQuotaList(a), newAccountQuotaGet(a), newAccountQuotaSet(a)),
		group("scp", "Service control policies: what the principals of accounts may do at most", newAccountSCPList(a), newAccountSCPPut(a), newAccountSCPAttach(a), newAccountSCPDetach(a), newAccountSCPDelete(a)))
}
