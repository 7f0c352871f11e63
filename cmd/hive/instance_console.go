// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newInstanceConsole(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "console INSTANCE", Short: "Print the serial log of an instance", Args: exactArgs("INSTANCE"),
		Long: "Print the serial log of an instance from its first boot on. With --follow it stays until Ctrl-C.",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if !follow {
				ctx = a.withTimeout(ctx)
			}
			log, err := client.Console(ctx, args[0], follow)
			if err != nil {
				return err
			}
			defer log.Close()
			_, err = io.Copy(a.stdout, log)
			if follow && errors.Is(ctx.Err(), context.Canceled) {
				return nil // Ctrl-C is how following ends
			}
			if err != nil {
				return fmt.Errorf("read console of %s: %w", args[0], err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "stay and print what is added")
	return cmd
}
