// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newInstanceList(a *app) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "List instances", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			instances, err := client.Instances(a.withTimeout(cmd.Context()), account)
			if err != nil {
				return err
			}
			return printList(a, "Instance", instances, instanceColumns)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "instances of this account only")
	return cmd
}

var instanceColumns = []column[admin.Instance]{
	{"INSTANCE", false, func(i admin.Instance) string { return i.ID }},
	{"NAME", false, func(i admin.Instance) string { return i.Name }},
	{"TYPE", false, func(i admin.Instance) string { return i.Type }},
	{"STATE", false, instanceState},
	{"NODE", false, func(i admin.Instance) string { return i.Node }},
	{"PUBLIC-IP", false, func(i admin.Instance) string { return i.PublicIP }},
	{"LAUNCHED", false, func(i admin.Instance) string { return ago(i.LaunchedAt) }},
	{"ACCOUNT", true, func(i admin.Instance) string { return i.Account }},
	{"PRIVATE-IP", true, func(i admin.Instance) string { return i.PrivateIP }},
	{"IMAGE", true, func(i admin.Instance) string { return i.Image }},
	{"REASON", true, func(i admin.Instance) string { return i.Reason }},
}

// instanceState is an instance's state, and whether the instance is only pretended to be in it.
func instanceState(i admin.Instance) string {
	if i.Simulated {
		return i.State + " (simulated)"
	}
	return i.State
}
