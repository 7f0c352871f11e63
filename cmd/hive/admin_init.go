// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/agent"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/logging"
)

func newAdminInit(a *app) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "init", Short: "Make a new region in the data directory", Args: exactArgs(),
		Long: "Make a new region on this node: authorities and certificates, the log, the first account with an\n" +
			"administrator. The values of flags and HIVE_* variables are kept in " + nodeConfig + " of the data directory,\n" +
			"so that the agent needs no more than --data-dir. An initialised directory is refused. With --nodes 3 it prints\n" +
			"a join token, valid for a day, for the other two (hive admin join).",
		Example: "  hive admin init --region ap-southeast-2 --az ap-southeast-2a --node node1 --nodes 3 --hive-dir ~/hive/",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			logger, err := logging.New(logging.Options{Name: "init", Level: "warn", Format: cfg.Log.Format, Output: a.stderr})
			if err != nil {
				return err
			}
			result, err := agent.Init(cmd.Context(), agent.InitOptions{Config: cfg, AccountName: account, Logger: logger})
			if err != nil {
				return err
			}
			if err := keepConfig(cfg); err != nil {
				return err
			}
			if err := printItem(a, "Region", initialised{
				result.Region, cfg.Node.AZ, cfg.Node.Name, result.ClusterID, result.AccountID, result.AccountName,
				result.AccessKeyID, result.Secret, result.CABundle, cfg.Node.DataDir, result.JoinToken,
			}, columnsOf(result)); err != nil {
				return err
			}
			a.note("\nNext:  hive agent --data-dir %s", cfg.Node.DataDir)
			if result.JoinToken != "" {
				a.note("Then, on each of the other %d:  hive admin join TOKEN --az %s --node NAME --data-dir DIR", cfg.Cluster.Nodes-1, cfg.Node.AZ)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "name of the first account (default \"default\")")
	a.addConfigFlags(cmd)
	return cmd
}

// initialised is what hive admin init prints.
type initialised struct {
	Region          string `json:"region"`
	AZ              string `json:"az"`
	Node            string `json:"node"`
	ClusterID       string `json:"clusterId"`
	Account         string `json:"account"`
	AccountName     string `json:"accountName"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	CABundle        string `json:"caBundle"`
	DataDir         string `json:"dataDir"`
	JoinToken       string `json:"joinToken,omitempty"`
}

// columnsOf leaves the token out where there is none.
func columnsOf(r agent.InitResult) []column[initialised] {
	if r.JoinToken == "" {
		return initColumns
	}
	return append(slices.Clone(initColumns), column[initialised]{"Join token", false, func(i initialised) string { return i.JoinToken }})
}

var initColumns = []column[initialised]{
	{"Region", false, func(i initialised) string { return i.Region + ", zone " + i.AZ }},
	{"Node", false, func(i initialised) string { return i.Node + " in " + i.DataDir }},
	{"Cluster", false, func(i initialised) string { return i.ClusterID }},
	{"Account", false, func(i initialised) string { return i.Account + " " + i.AccountName }},
	{"AccessKeyId", false, func(i initialised) string { return i.AccessKeyID }},
	{"SecretAccessKey", false, func(i initialised) string { return i.SecretAccessKey }},
	{"CA bundle", false, func(i initialised) string { return i.CABundle }},
}

// keepConfig writes what flags and variables gave into the node's own file. Files
// are not copied: the agent reads them itself.
func keepConfig(cfg *config.Config) error {
	path := filepath.Join(cfg.Node.DataDir, nodeConfig)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	head := "# Written by hive admin init; yours to edit. hive config show --origin tells where each value comes from.\n\n"
	if err := os.WriteFile(path, []byte(head+cfg.Given(config.FromFlag, config.FromEnv)), 0o644); err != nil {
		return fmt.Errorf("keep configuration: %w", err)
	}
	return nil
}
