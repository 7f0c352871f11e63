// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/logging"
)

func newAgent(a *app) *cobra.Command {
	var simulate bool
	cmd := &cobra.Command{
		Use: "agent", Short: "Run this node", Args: exactArgs(),
		Long: "Run this node until it is told to end. Guests go on without their agent; the next one adopts them.\n" +
			"SIGHUP applies a changed log level at once and says which other changes need a restart.",
		Example: "  hive agent --data-dir ~/hive/\n  hive agent --data-dir /tmp/demo --simulate-guests",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			recent := logging.NewRecent(1 << 20)
			logger, err := logging.New(logging.Options{Level: cfg.Log.Level, Format: cfg.Log.Format, Output: a.stderr, Recent: recent})
			if err != nil {
				return err
			}
			stop := a.reloadOnHangup(cmd.Context(), cfg, logger)
			defer stop()
			return agent.Run(cmd.Context(), cfg, agent.Options{Version: version, Revision: revision, Logger: logger, Recent: recent, SimulateGuests: simulate})
		},
	}
	cmd.Flags().BoolVar(&simulate, "simulate-guests", false, "run no guests and keep no volumes but pretend to, without QEMU: for tests and demonstrations, in a region of such nodes only")
	a.addConfigFlags(cmd)
	return cmd
}

// reloadOnHangup loads the configuration again at every SIGHUP. The result ends
// that and waits for it.
func (a *app) reloadOnHangup(ctx context.Context, running *config.Config, logger hclog.Logger) func() {
	ctx, cancel := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				running = a.reload(running, logger.Named("config"))
			}
		}
	}()
	return func() { signal.Stop(hangups); cancel(); <-done }
}

// reload applies what may change while the node runs and returns the
// configuration that is in force.
func (a *app) reload(running *config.Config, logger hclog.Logger) *config.Config {
	next, err := a.loadConfig()
	if err != nil {
		logger.Error("configuration not reloaded", "error", err)
		return running
	}
	for _, change := range running.Diff(next) {
		if change.Path == "log.level" {
			logger.SetLevel(hclog.LevelFromString(next.Log.Level))
			logger.Info("applied", "key", change.Path, "value", change.New)
			running.Log.Level = next.Log.Level
			continue
		}
		logger.Warn("needs a restart of the agent", "key", change.Path, "value", change.New)
	}
	return running
}
