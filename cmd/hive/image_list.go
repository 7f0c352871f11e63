// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newImageList(a *app) *cobra.Command {
	var account string
	var remote bool
	cmd := &cobra.Command{
		Use: "list", Short: "List images of the region, or official cloud images to import", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if remote {
				return listRemoteImages(a)
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			images, err := client.Images(a.withTimeout(cmd.Context()), account)
			if err != nil {
				return err
			}
			return printList(a, "Image", images, imageColumns)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "images that this account may launch only")
	cmd.Flags().BoolVar(&remote, "remote", false, "list official cloud images with their checksums' addresses")
	cmd.MarkFlagsMutuallyExclusive("account", "remote")
	return cmd
}

var imageColumns = []column[admin.Image]{
	{"IMAGE", false, func(i admin.Image) string { return i.ID }},
	{"NAME", false, func(i admin.Image) string { return i.Name }},
	{"STATE", false, func(i admin.Image) string { return i.State }},
	{"ARCH", false, func(i admin.Image) string { return i.Architecture }},
	{"BOOT", false, func(i admin.Image) string { return i.BootMode }},
	{"GIB", false, func(i admin.Image) string { return strconv.Itoa(i.GiB) }},
	{"CREATED", false, func(i admin.Image) string { return ago(i.CreatedAt) }},
	{"ACCOUNT", true, func(i admin.Image) string { return i.Account }},
	{"SNAPSHOT", true, func(i admin.Image) string { return i.Snapshot }},
	{"PUBLIC", true, func(i admin.Image) string { return strconv.FormatBool(i.Public) }},
}
