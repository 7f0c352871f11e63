// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAccount(a *app) *cobra.Command {
	return group("account", "Create and list accounts", newAccountCreate(a), newAccountList(a))
}
