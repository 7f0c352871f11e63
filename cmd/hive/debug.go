// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newDebug(a *app) *cobra.Command {
	return group("debug", "Collect what helps to find out what is wrong", newDebugBundle(a))
}
