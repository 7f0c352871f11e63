// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminCertRotate(a *app) *cobra.Command {
	return group("rotate", "Replace an authority and every certificate that it signed", newAdminCertRotateCluster(a), newAdminCertRotateAPI(a))
}

func newAdminCertRotateCluster(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "cluster", Short: "Replace the authority of the nodes", Args: exactArgs(),
		Long: "Replace the authority that signs the nodes' certificates. Every node trusts the new one, then has its certificate\n" +
			"signed by it, then stops trusting the old one. Join tokens from before are void: they pin the old authority.",
		Example: "  hive admin cert rotate cluster",
	}
	r := a.newRotating(cmd, "cluster-ca", "hive admin cert rotate cluster")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.toTheEnd(cmd, "Every node has a certificate of the new authority and trusts no other. Join tokens from before are void")
	}
	return cmd
}

func newAdminCertRotateAPI(a *app) *cobra.Command {
	var goOn bool
	cmd := &cobra.Command{
		Use: "api", Short: "Replace the authority of the AWS endpoint", Args: exactArgs(),
		Long: "Replace the authority that AWS clients trust. It takes two steps, because clients have to learn of it first:\n" +
			"the first adds the new authority to the CA bundle on every node; give that file to your clients (AWS_CA_BUNDLE).\n" +
			"The second, with --continue, has every endpoint use a certificate of the new authority: clients that have only the\n" +
			"old bundle fail from then on.",
		Example: "  hive admin cert rotate api\n  hive admin cert rotate api --continue",
	}
	r := a.newRotating(cmd, "api-ca", "hive admin cert rotate api")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := a.client()
		if err != nil {
			return err
		}
		ctx := a.withTimeout(cmd.Context())
		if goOn {
			if _, err := client.RotationContinue(ctx, r.kind); err != nil || r.noWait {
				return err
			}
			return r.ended(ctx, client, "Every endpoint has a certificate of the new authority")
		}
		if over, err := r.begin(ctx, client); over || err != nil {
			return err
		}
		now, err := r.follow(ctx, client, func(now admin.Rotation) bool { return now.Hold && len(now.Waiting) == 0 })
		if err != nil {
			return err
		}
		a.note("The CA bundle on every node holds both authorities: %s\nGive it to your clients, then:  hive admin cert rotate api --continue", now.Bundle)
		return nil
	}
	cmd.Flags().BoolVar(&goOn, "continue", false, "the clients have the new bundle: use the new authority")
	return cmd
}
