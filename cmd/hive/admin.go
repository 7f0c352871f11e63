// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAdmin(a *app) *cobra.Command {
	return group("admin", "Initialise, look at and end nodes", newAdminInit(a), newAdminStatus(a), newAdminShutdown(a), newAdminUninstall(a))
}
