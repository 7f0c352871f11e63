// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminShutdown(a *app) *cobra.Command {
	var drain bool
	var grace time.Duration
	cmd := &cobra.Command{
		Use: "shutdown", Short: "End this node's agent", Args: exactArgs(),
		Long: "End this node's agent. Guests go on and the next agent adopts them; with --drain they are shut\n" +
			"down first (by ACPI, then the hard way), their volumes are flushed, and nothing of the node is left running.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout+grace)
			defer cancel()
			req := admin.ShutdownRequest{Drain: drain, Timeout: int(grace / time.Second)}
			return client.Shutdown(ctx, req, func(e admin.ShutdownEvent) { a.note("%s", e.Step) })
		},
	}
	a.timeoutDefault(cmd, 2*time.Minute)
	cmd.Flags().BoolVar(&drain, "drain", false, "shut down the node's guests first")
	cmd.Flags().DurationVar(&grace, "grace", time.Minute, "how long a guest may take before it is ended the hard way")
	return cmd
}
