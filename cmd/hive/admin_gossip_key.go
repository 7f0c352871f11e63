// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
)

func newAdminGossipKey(a *app) *cobra.Command {
	return group("gossip-key", "Replace the key that encrypts the gossip between nodes", newAdminGossipKeyRotate(a))
}

func newAdminGossipKeyRotate(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "rotate", Short: "Replace the gossip key on every node", Args: exactArgs(),
		Long: "Replace the key that encrypts the gossip between nodes. Every node gets the new key, then encrypts with it, then\n" +
			"forgets the old one. Nobody drops out on the way; each step waits for every node.",
		Example: "  hive admin gossip-key rotate",
	}
	r := a.newRotating(cmd, "gossip-key", "hive admin gossip-key rotate")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.toTheEnd(cmd, "Every node uses the new gossip key and has forgotten the old one")
	}
	return cmd
}

// toTheEnd begins a rotation that needs no operator's word and follows it to its end.
func (r *rotating) toTheEnd(cmd *cobra.Command, done string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	ctx := r.withTimeout(cmd.Context())
	if over, err := r.begin(ctx, client); over || err != nil {
		return err
	}
	return r.ended(ctx, client, done)
}
