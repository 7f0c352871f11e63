// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/agent"
)

func newAdminUninstall(a *app) *cobra.Command {
	var yes bool
	var grace time.Duration
	cmd := &cobra.Command{
		Use: "uninstall", Short: "End everything of this node and remove its files", Args: exactArgs(),
		Long: "End this node's guests, its block daemon and its agent, and remove its data directory with the log, the keys and\n" +
			"every volume. Says what would go; does it with --yes. The program, its package and configuration elsewhere\n" +
			"stay. A node of several should leave its region first.",
		Example: "  hive admin uninstall\n  hive admin uninstall --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			client := admin.NewClient(cfg.AdminSocket())
			plan, err := agent.PlanUninstall(cfg)
			if err != nil {
				return err
			}
			ctx := a.withTimeout(cmd.Context())
			_ = plan.AskAgent(ctx, client) // there need be none
			a.describeUninstall(plan)
			if !yes {
				return admin.Errorf(admin.KindUsage, "back it up with hive backup create, then repeat the command with --yes", "this ends and removes what is listed above, and cannot be undone")
			}
			if err := plan.Run(ctx, client, grace, func(step string) { a.note("%s", step) }); err != nil {
				return err
			}
			a.note("nothing of %s is left in %s", plan.Node, cfg.Node.DataDir)
			return nil
		},
	}
	a.timeoutDefault(cmd, 5*time.Minute)
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().DurationVar(&grace, "grace", time.Minute, "how long a guest may take before it is ended the hard way")
	return cmd
}

// describeUninstall prints the consequence, also with --quiet: it is why the command asks.
func (a *app) describeUninstall(u *agent.Uninstall) {
	list := func(what string, items []string) {
		if len(items) > 0 {
			fmt.Fprintf(a.stderr, "%s: %s\n", what, strings.Join(items, " "))
		}
	}
	fmt.Fprintf(a.stderr, "node %s of the region %s\n", u.Node, u.Region)
	list("ends", u.Processes)
	list("removes", u.Paths)
	list("leaves", u.Kept)
	if len(u.Others) == 0 {
		fmt.Fprintln(a.stderr, "it is the only node: the region ends with it")
		return
	}
	list("the region goes on without it, and counts it as lost until it is removed, on", u.Others)
}
