// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newInstanceShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show INSTANCE", Short: "Show one instance with its addresses, volumes and processes", Args: exactArgs("INSTANCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			instance, err := client.Instance(a.withTimeout(cmd.Context()), args[0])
			if err != nil {
				return err
			}
			return printItem(a, "Instance", instance, instanceMembers)
		},
	}
}

var instanceMembers = []column[admin.Instance]{
	{"Instance", false, func(i admin.Instance) string { return i.ID }},
	{"Name", false, func(i admin.Instance) string { return i.Name }},
	{"Account", false, func(i admin.Instance) string { return i.Account }},
	{"Type", false, func(i admin.Instance) string { return i.Type }},
	{"State", false, instanceState},
	{"Reason", false, func(i admin.Instance) string { return i.Reason }},
	{"Image", false, func(i admin.Instance) string { return i.Image }},
	{"Key", false, func(i admin.Instance) string { return i.KeyName }},
	{"Node", false, func(i admin.Instance) string { return i.Node }},
	{"Zone", false, func(i admin.Instance) string { return i.AZ }},
	{"Private IP", false, func(i admin.Instance) string { return i.PrivateIP }},
	{"Public IP", false, func(i admin.Instance) string { return i.PublicIP }},
	{"Ports", false, func(i admin.Instance) string { return portList(i.Ports) }},
	{"Volumes", false, func(i admin.Instance) string { return volumeList(i.Volumes) }},
	{"Launched", false, func(i admin.Instance) string { return ago(i.LaunchedAt) }},
	{"Guard PID", true, func(i admin.Instance) string { return strconv.Itoa(i.GuardPID) }},
	{"QEMU PID", true, func(i admin.Instance) string { return strconv.Itoa(i.QEMUPID) }},
}

func portList(ports map[string]string) string {
	var guest []int
	for p := range ports {
		if n, err := strconv.Atoi(p); err == nil {
			guest = append(guest, n)
		}
	}
	slices.Sort(guest)
	words := make([]string, len(guest))
	for i, n := range guest {
		words[i] = fmt.Sprintf("%d at %s", n, ports[strconv.Itoa(n)])
	}
	return strings.Join(words, ", ")
}

func volumeList(volumes []admin.InstanceVolume) string {
	words := make([]string, len(volumes))
	for i, v := range volumes {
		words[i] = fmt.Sprintf("%s %s %d GiB", v.ID, v.Device, v.GiB)
	}
	return strings.Join(words, ", ")
}
