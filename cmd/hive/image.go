// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newImage(a *app) *cobra.Command {
	return group("image", "Build, import and list images", newImageBuildMicro(a), newImageImport(a), newImageList(a))
}
