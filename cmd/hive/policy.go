// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newPolicy(a *app) *cobra.Command {
	return group("policy", "Try out policies", newPolicySimulate(a))
}
