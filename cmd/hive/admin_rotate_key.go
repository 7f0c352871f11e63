// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newAdminRotateKey(a *app) *cobra.Command {
	var retire, yes bool
	cmd := &cobra.Command{
		Use: "rotate-key", Short: "Replace the cluster key and seal every secret anew", Args: exactArgs(),
		Long: "Replace the cluster key, which seals the secret halves of access keys, KMS key material and the authorities' private\n" +
			"keys. The new key goes from node to node and never into the log; when every node has it, everything is sealed\n" +
			"anew. Access keys and KMS keys go on working. Do it when somebody may have a node's old disk, before the\n" +
			"authorities (hive admin cert rotate) and the gossip key.\n\n" +
			"The old key is kept for 36 hours, the longest life of temporary credentials that were made with it. With --retire it is\n" +
			"forgotten now: temporary credentials from before the rotation end.",
		Example: "  hive admin rotate-key\n  hive admin rotate-key --retire --yes",
	}
	r := a.newRotating(cmd, "cluster-key", "hive admin rotate-key")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if retire && !yes {
			return admin.Errorf(admin.KindUsage, "hive admin rotate-key --retire --yes", "this ends all temporary credentials (STS, roles) that were made before the rotation")
		}
		client, err := a.client()
		if err != nil {
			return err
		}
		ctx := a.withTimeout(cmd.Context())
		if retire {
			if _, err := client.RotationContinue(ctx, r.kind); err != nil {
				return err
			}
			if r.noWait {
				return nil
			}
			if _, err := r.follow(ctx, client, func(now admin.Rotation) bool { return !now.Active() }); err != nil {
				return err
			}
			a.note("Every node has forgotten the old cluster key")
			return nil
		}
		if over, err := r.begin(ctx, client); over || err != nil {
			return err
		}
		now, err := r.follow(ctx, client, func(now admin.Rotation) bool { return now.Phase == "use" && len(now.Waiting) == 0 && now.Sealed == 0 })
		if err != nil {
			return err
		}
		a.note("Everything is sealed under the new cluster key, version %d", now.Version)
		if now.Retires != nil {
			a.note("The old one opens temporary credentials from before until %s, then every node forgets it. To end them now:\n  hive admin rotate-key --retire --yes",
				now.Retires.Format("2006-01-02 15:04:05 UTC"))
		}
		return nil
	}
	cmd.Flags().BoolVar(&retire, "retire", false, "forget the old key of a rotation whose new key is in use")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}
