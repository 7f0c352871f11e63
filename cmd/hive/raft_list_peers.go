// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newRaftListPeers(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list-peers", Short: "List the servers of the log's configuration", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			peers, err := client.RaftPeers(a.withTimeout(cmd.Context()))
			if err != nil {
				return err
			}
			return printList(a, "RaftPeer", peers, raftPeerColumns)
		},
	}
}

var raftPeerColumns = []column[admin.RaftPeer]{
	{"NODE", false, func(p admin.RaftPeer) string { return p.Node }},
	{"NODE-ID", false, func(p admin.RaftPeer) string { return p.NodeID }},
	{"ADDRESS", false, func(p admin.RaftPeer) string { return p.Address }},
	{"SUFFRAGE", false, func(p admin.RaftPeer) string { return p.Suffrage }},
	{"LEADER", false, func(p admin.RaftPeer) string { return strconv.FormatBool(p.Leader) }},
}
