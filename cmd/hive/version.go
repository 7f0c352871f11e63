// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"

	"github.com/spf13/cobra"
)

// buildInfo is what hive version prints.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this binary", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			info := buildInfo{version, revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return printItem(a, "Version", info, []column[buildInfo]{
				{"Version", false, func(b buildInfo) string { return b.Version }},
				{"Revision", false, func(b buildInfo) string { return b.Revision }},
				{"Go", false, func(b buildInfo) string { return b.Go }},
				{"Platform", false, func(b buildInfo) string { return b.Platform }},
			})
		},
	}
}
