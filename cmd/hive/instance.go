// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newInstance(a *app) *cobra.Command {
	return group("instance", "Look at instances of every account", newInstanceList(a), newInstanceShow(a), newInstanceConsole(a))
}
