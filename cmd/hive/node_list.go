// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newNodeList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List nodes with what they sell and have sold", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			nodes, err := client.Nodes(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "Node", nodes, nodeColumns)
		},
	}
}

var nodeColumns = []column[admin.Node]{
	{"NODE", false, func(n admin.Node) string { return n.Node }},
	{"AZ", false, func(n admin.Node) string { return n.AZ }},
	{"STATE", false, func(n admin.Node) string { return n.State }},
	{"INSTANCES", false, func(n admin.Node) string { return strconv.Itoa(n.Instances) }},
	{"VCPUS", false, func(n admin.Node) string { return fmt.Sprintf("%g/%g", n.VCPUsAllocated, n.VCPUs) }},
	{"MEMORY-GIB", false, func(n admin.Node) string { return gib(n.MemoryAllocated) + "/" + gib(n.Memory) }},
	{"ACCEL", false, func(n admin.Node) string { return n.Accelerator }},
	{"CAPS", false, func(n admin.Node) string { return strings.Join(n.Caps, ",") }},
	{"DOMAIN", true, func(n admin.Node) string { return n.FailureDomain }},
	{"LEASE", true, func(n admin.Node) string { return lease(n.Lease) }},
	{"VERSION", true, func(n admin.Node) string { return n.Version }},
	{"NODE-ID", true, func(n admin.Node) string { return n.NodeID }},
}
