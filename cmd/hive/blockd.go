// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/blockstore/blockd"
	"github.com/hivecloud/hive/internal/logging"
)

func newBlockd(a *app) *cobra.Command {
	var dir, socket, level, format string
	var reserve int64
	cmd := &cobra.Command{
		Use: "blockd", Short: "Serve this node's volumes; started by the agent", Args: exactArgs(),
		Long: "Serve every volume of the node by NBD. The agent starts one and watches it; people have no reason to.\nSIGTERM flushes all volumes and ends it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := logging.New(logging.Options{Name: "blockd", Level: level, Format: format, Output: a.stderr})
			if err != nil {
				return err
			}
			daemon, err := blockd.New(blockd.Config{Dir: dir, Socket: socket, ReserveBytes: reserve, Logger: logger})
			if err != nil {
				return err
			}
			return daemon.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the volumes")
	cmd.Flags().StringVar(&socket, "socket", "", "control socket")
	cmd.Flags().Int64Var(&reserve, "reserve", 0, "bytes that new volumes must leave free")
	cmd.Flags().StringVar(&level, "log-level", "info", "least severe level that is written")
	cmd.Flags().StringVar(&format, "log-format", "json", "human or json")
	_ = cmd.MarkFlagRequired("dir")    // the flag exists
	_ = cmd.MarkFlagRequired("socket") // the flag exists
	return cmd
}
