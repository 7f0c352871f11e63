// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func newConfigValidate(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "validate [FILE|DIR ...]", Short: "Check configuration and print every fault with its line",
		Example: "  hive config validate /etc/hive",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				a.config = args
			}
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			if files := cfg.Files(); len(files) > 0 {
				a.note("valid: %s", strings.Join(files, ", "))
				return nil
			}
			a.note("valid: no file was read, the defaults apply")
			return nil
		},
	}
	a.addConfigFlags(cmd)
	return cmd
}
