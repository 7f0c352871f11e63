// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how this node and its region are", Args: exactArgs(),
		Long: "Show how this node and its region are, and what the region could lose now. Exits with 8 while the node\nis not ready.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			status, err := client.Status(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			if err := printItem(a, "Status", status, statusColumns); err != nil {
				return err
			}
			if !status.Ready {
				return admin.Errorf(admin.KindUnhealthy, "the agent's log says what it waits for", "the node is not ready")
			}
			return nil
		},
	}
}

var statusColumns = []column[admin.Status]{
	{"Node", false, func(s admin.Status) string { return s.Node }},
	{"Region", false, func(s admin.Status) string { return s.Region + ", zone " + s.AZ }},
	{"Ready", false, func(s admin.Status) string {
		if s.Ready {
			return "yes"
		}
		return "no"
	}},
	{"Problems", false, func(s admin.Status) string { return strings.Join(s.Problems, "; ") }},
	{"Leader", false, func(s admin.Status) string { return s.Leader }},
	{"Nodes", false, func(s admin.Status) string {
		return fmt.Sprintf("%d of %d; %s may be lost", s.Nodes, s.TargetNodes, plural(s.Tolerates, "node"))
	}},
	{"Guests run under", false, func(s admin.Status) string { return s.Accelerator.Name }},
	{"API", false, func(s admin.Status) string { return s.Addresses.API }},
	{"Version", false, func(s admin.Status) string { return s.Version }},
	{"Started", false, func(s admin.Status) string { return ago(s.StartedAt) }},
	{"Why not KVM", true, func(s admin.Status) string { return s.Accelerator.Reason }},
	{"Cluster", true, func(s admin.Status) string { return s.ClusterID }},
	{"Node id", true, func(s admin.Status) string { return s.NodeID }},
	{"Listens", true, func(s admin.Status) string {
		return fmt.Sprintf("cluster %s, gossip %s, metrics %s", s.Addresses.Cluster, s.Addresses.Gossip, s.Addresses.Metrics)
	}},
	{"Processes", true, func(s admin.Status) string {
		words := make([]string, len(s.Processes))
		for i, p := range s.Processes {
			words[i] = strings.TrimSpace(fmt.Sprintf("%s %s", p.Kind, p.Name)) + fmt.Sprintf(" (%d)", p.PID)
		}
		return strings.Join(words, ", ")
	}},
}
