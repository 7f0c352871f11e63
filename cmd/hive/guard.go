// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/compute/guard"
	"github.com/hivecloud/hive/internal/logging"
)

func newGuard(a *app) *cobra.Command {
	var dir, level, format string
	cmd := &cobra.Command{
		Use: "guard", Short: "Stand beside one guest; started by the agent", Args: exactArgs(),
		Long: "Stand beside one guest: own its QEMU, its monitor, its serial log and its fence deadline. The agent\nstarts one for every guest; people have no reason to.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := logging.New(logging.Options{Name: "guard", Level: level, Format: format, Output: a.stderr})
			if err != nil {
				return err
			}
			return guard.Run(cmd.Context(), guard.Config{Dir: dir, Logger: logger})
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "run directory of the guest")
	cmd.Flags().StringVar(&level, "log-level", "info", "least severe level that is written")
	cmd.Flags().StringVar(&format, "log-format", "json", "human or json")
	_ = cmd.MarkFlagRequired("dir") // the flag exists
	return cmd
}
