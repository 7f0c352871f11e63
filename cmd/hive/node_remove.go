// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newNodeRemove(a *app) *cobra.Command {
	var yes, force bool
	cmd := &cobra.Command{
		Use: "remove NODE", Short: "Remove a node for good", Args: exactArgs("NODE"),
		Long: "Remove a node for good. Its certificate counts for nothing from then on, and its id is not used again;\n" +
			"the machine can come back as a new node only. A node that holds instances, volumes or the only copy of\n" +
			"a snapshot is not removed, unless with --force: then they are lost.\n\n" +
			"Without --yes the command says what would happen and does nothing.",
		Example: "  hive node remove node2\n  hive node remove node2 --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if !yes {
				removal, err := client.NodeRemoval(a.withTimeout(cmd.Context()), args[0])
				if err != nil {
					return err
				}
				return admin.Errorf(admin.KindUsage, removeNext(removal, force), "removing %s cannot be undone: %s", removal.Node, consequence(removal))
			}
			removal, err := client.NodeRemove(a.withTimeout(cmd.Context()), args[0], admin.RemoveRequest{Force: force})
			if err != nil {
				return err
			}
			a.note("removed %s", removal.Node)
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&force, "force", false, "even if instances, volumes or snapshots are lost with the node")
	return cmd
}

// consequence is what a removal costs, in one sentence.
func consequence(r admin.Removal) string {
	var words []string
	if r.Voter {
		words = append(words, fmt.Sprintf("it is 1 of %s, of which %d may fail now and %d afterwards", plural(r.Voters, "voter"), r.Tolerates, r.Then))
	}
	var lost []string
	if r.Instances > 0 {
		lost = append(lost, plural(r.Instances, "instance"))
	}
	if r.Volumes > 0 {
		lost = append(lost, plural(r.Volumes, "volume"))
	}
	if r.Snapshots > 0 {
		lost = append(lost, plural(r.Snapshots, "snapshot")+" without another copy")
	}
	if len(lost) == 0 {
		words = append(words, "nothing is on it")
	} else {
		words = append(words, "lost with it: "+strings.Join(lost, ", "))
	}
	return strings.Join(words, "; ")
}

// removeNext is the next step to a removal that was only looked at.
func removeNext(r admin.Removal, force bool) string {
	if r.Instances+r.Volumes+r.Snapshots > 0 && !force {
		return "terminate what is there first, or repeat the command with --force --yes"
	}
	return "repeat the command with --yes"
}
