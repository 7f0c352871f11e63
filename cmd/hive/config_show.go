// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/config"
)

func newConfigShow(a *app) *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use: "show", Short: "Print the configuration as it takes effect", Args: exactArgs(),
		Long: "Print every value as it takes effect, as HCL that can be loaded again.\nWith --origin each line says which file, variable, flag or rule it comes from.",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			if a.output == "table" || a.output == "wide" {
				_, err := fmt.Fprint(a.stdout, cfg.HCL(origin || a.output == "wide"))
				return err
			}
			return printList[config.Value](a, "ConfigValue", cfg.Values(), nil)
		},
	}
	cmd.Flags().BoolVar(&origin, "origin", false, "say where each value comes from")
	a.addConfigFlags(cmd)
	return cmd
}
