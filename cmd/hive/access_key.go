// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newAccessKey(a *app) *cobra.Command {
	return group("access-key", "Create, list and delete access keys", newAccessKeyCreate(a), newAccessKeyList(a), newAccessKeyDelete(a))
}
