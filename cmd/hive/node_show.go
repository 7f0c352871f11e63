// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newNodeShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show NODE", Short: "Show one node with its lease and what it holds", Args: exactArgs("NODE"),
		Example: "  hive node show node2",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			node, err := client.Node(a.withTimeout(cmd.Context()), args[0])
			if err != nil {
				return err
			}
			return printItem(a, "NodeDetail", node, nodeMembers)
		},
	}
}

var nodeMembers = []column[admin.NodeDetail]{
	{"Node", false, func(n admin.NodeDetail) string { return n.Node.Node }},
	{"Node ID", false, func(n admin.NodeDetail) string { return n.NodeID }},
	{"State", false, nodeState},
	{"Lease", false, func(n admin.NodeDetail) string { return lease(n.Lease) }},
	{"Guests", false, fenceWords},
	{"Zone", false, func(n admin.NodeDetail) string { return n.AZ }},
	{"Failure domain", false, func(n admin.NodeDetail) string { return n.FailureDomain }},
	{"Capabilities", false, func(n admin.NodeDetail) string { return strings.Join(n.Caps, ", ") }},
	{"Instances", false, func(n admin.NodeDetail) string { return strconv.Itoa(n.Instances) }},
	{"vCPUs", false, func(n admin.NodeDetail) string { return fmt.Sprintf("%g of %g", n.VCPUsAllocated, n.VCPUs) }},
	{"Memory", false, func(n admin.NodeDetail) string { return gib(n.MemoryAllocated) + " of " + gib(n.Memory) + " GiB" }},
	{"Holds", false, holding},
	{"Accelerator", true, func(n admin.NodeDetail) string { return n.Accelerator }},
	{"CPU", true, func(n admin.NodeDetail) string { return n.CPU }},
	{"Cluster address", true, func(n admin.NodeDetail) string { return n.Address }},
	{"API address", true, func(n admin.NodeDetail) string { return n.API }},
	{"Version", true, func(n admin.NodeDetail) string { return n.Version }},
	{"Registered", true, func(n admin.NodeDetail) string { return ago(n.RegisteredAt) }},
	{"Epoch", true, func(n admin.NodeDetail) string { return strconv.FormatUint(n.Epoch, 10) }},
}

// nodeState is a node's state and since when.
func nodeState(n admin.NodeDetail) string {
	switch {
	case !n.LostAt.IsZero():
		return n.State + ", " + ago(n.LostAt)
	case !n.DrainAt.IsZero():
		return n.State + ", since " + ago(n.DrainAt)
	}
	return n.State
}

func fenceWords(n admin.NodeDetail) string {
	if n.Fenced {
		return "paused when the lease ends"
	}
	return "go on whatever happens"
}

func holding(n admin.NodeDetail) string {
	words := make([]string, len(n.Holding))
	for i, instance := range n.Holding {
		words[i] = instance.ID + " " + instance.State
	}
	return strings.Join(words, ", ")
}
