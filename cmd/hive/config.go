// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newConfig(a *app) *cobra.Command {
	return group("config", "Check and show the node's configuration", newConfigValidate(a), newConfigShow(a))
}
