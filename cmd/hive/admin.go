// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAdmin(a *app) *cobra.Command {
	return group("admin", "Initialise, join, look at and end nodes", newAdminInit(a), newAdminJoin(a), newToken(a), newAdminStatus(a), newAdminShutdown(a), newAdminLeave(a), newAdminUpgrade(a), newAdminCert(a), newAdminRotateKey(a), newAdminGossipKey(a), newAdminRotations(a), newAdminUninstall(a))
}
