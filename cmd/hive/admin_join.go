// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/agent"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/join"
	"github.com/hivecloud/hive/internal/logging"
)

func newAdminJoin(a *app) *cobra.Command {
	var members []string
	cmd := &cobra.Command{
		Use: "join TOKEN", Short: "Make this machine a node of an existing cluster", Args: exactArgs("TOKEN"),
		Long: "Make this machine a node of the cluster that made the token (hive admin token create; hive admin init prints the\n" +
			"first). The node's keys are made here and never leave; a member signs for them after it has proved to be of the\n" +
			"token's cluster. Without --host the members that the token names are asked, and when none of them admits the\n" +
			"node, members are searched by multicast on the local links. The region is the token's. The values of flags and\n" +
			"HIVE_* variables are kept in " + nodeConfig + " of the data directory, so that the agent needs no more than --data-dir.",
		Example: "  hive admin join TOKEN --host node1.local:8443 --az ap-southeast-2a --node node2 --data-dir ~/hive/",
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := agent.ParseJoinToken(args[0])
			if err != nil {
				return err
			}
			cfg, err := a.joinConfig(cmd, token)
			if err != nil {
				return err
			}
			logger, err := logging.New(logging.Options{Name: "join", Level: "warn", Format: cfg.Log.Format, Output: a.stderr})
			if err != nil {
				return err
			}
			result, err := agent.Join(a.withTimeout(cmd.Context()), agent.JoinOptions{Config: cfg, Token: token, Hosts: withPort(members), Note: a.note, Logger: logger})
			if err != nil {
				return err
			}
			if err := keepConfig(cfg); err != nil {
				return err
			}
			if err := printItem(a, "Node", joined{cfg.Node.Name, result.NodeID, result.ClusterID, result.Region, cfg.Node.AZ, result.CABundle, cfg.Node.DataDir}, joinColumns); err != nil {
				return err
			}
			a.note("\nNext:  hive agent --data-dir %s", cfg.Node.DataDir)
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&members, "host", nil, "host or host:port of a member's cluster port (default: those in the token, then whoever answers on the local links)")
	a.addConfigFlags(cmd)
	return cmd
}

// clusterPort is the cluster port where nobody says otherwise.
const clusterPort = "8443"

// withPort adds the cluster port to hosts that name none.
func withPort(hosts []string) []string {
	var out []string
	for _, h := range hosts {
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), clusterPort)
		}
		out = append(out, h)
	}
	return out
}

// joinConfig is the configuration with the token's region where nobody named one.
func (a *app) joinConfig(cmd *cobra.Command, token join.Token) (*config.Config, error) {
	cfg, _ := config.Load(a.configSources())
	switch origin := cfg.Origin("cluster.region").Kind; {
	case origin == "" || origin == config.FromDefault:
		if err := cmd.Flags().Set("region", token.Region); err != nil {
			return nil, err
		}
	case cfg.Cluster.Region != token.Region:
		return nil, admin.Errorf(admin.KindUsage, "leave --region out, or take a token of that region", "the token is of the region %s, not %s", token.Region, cfg.Cluster.Region)
	}
	return a.loadConfig()
}

// joined is what hive admin join prints.
type joined struct {
	Node      string `json:"node"`
	NodeID    string `json:"nodeId"`
	ClusterID string `json:"clusterId"`
	Region    string `json:"region"`
	AZ        string `json:"az"`
	CABundle  string `json:"caBundle"`
	DataDir   string `json:"dataDir"`
}

var joinColumns = []column[joined]{
	{"Region", false, func(j joined) string { return j.Region + ", zone " + j.AZ }},
	{"Node", false, func(j joined) string { return j.Node + " in " + j.DataDir }},
	{"Cluster", false, func(j joined) string { return j.ClusterID }},
	{"CA bundle", false, func(j joined) string { return j.CABundle }},
}
