// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAdminUpgrade(a *app) *cobra.Command {
	return group("upgrade", "See and finish the upgrade of a region to a new version", newAdminUpgradeStatus(a), newAdminUpgradeFinalize(a))
}
