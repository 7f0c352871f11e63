// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newPolicySimulate(a *app) *cobra.Command {
	var req admin.PolicySimulateRequest
	var files, context []string
	var boundary string
	cmd := &cobra.Command{
		Use: "simulate", Short: "Say what policies allow", Args: exactArgs(),
		Long: "Say whether a user, or somebody with the policies of the given files, may do actions with resources, and which\n" +
			"statements decide it: as the API would, without a call. Files are added to what the user has. Condition keys that\n" +
			"a request would bring are given with --context; those that the policies ask about and that are missing are listed.",
		Example: "  hive policy simulate --user alice --action ec2:RunInstances --context ec2:InstanceType=t3.micro\n" +
			"  hive policy simulate --policy p.json --action ec2:StopInstances --resource arn:aws:ec2:us-east-1:000000000001:instance/i-1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readSimulation(&req, files, boundary, context); err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			decisions, err := client.PolicySimulate(a.withTimeout(cmd.Context()), req)
			if err != nil {
				return err
			}
			return printList(a, "PolicyDecision", decisions, []column[admin.PolicyDecision]{
				{"ACTION", false, func(d admin.PolicyDecision) string { return d.Action }},
				{"RESOURCE", false, func(d admin.PolicyDecision) string { return d.Resource }},
				{"DECISION", false, func(d admin.PolicyDecision) string { return d.Decision }},
				{"STATEMENTS", false, func(d admin.PolicyDecision) string { return strings.Join(d.Statements, ", ") }},
				{"MISSING", false, func(d admin.PolicyDecision) string { return strings.Join(d.Missing, ", ") }},
				{"REASON", true, func(d admin.PolicyDecision) string { return d.Reason }},
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Account, "account", "", "account, by id or name; the first one by default")
	f.StringVar(&req.User, "user", "", "a user of the account, with what the user has")
	f.StringArrayVar(&files, "policy", nil, "file with a policy; may be repeated")
	f.StringVar(&boundary, "boundary", "", "file with a permissions boundary")
	f.StringArrayVar(&req.Actions, "action", nil, "action, ec2:RunInstances; may be repeated")
	f.StringArrayVar(&req.Resources, "resource", nil, "resource by its ARN; may be repeated; * by default")
	f.StringArrayVar(&context, "context", nil, "condition key of the request, KEY=VALUE; may be repeated, also for one key")
	return cmd
}

// readSimulation reads the files and the keys into the request.
func readSimulation(req *admin.PolicySimulateRequest, files []string, boundary string, context []string) error {
	if len(req.Actions) == 0 || req.User == "" && len(files) == 0 {
		return admin.Errorf(admin.KindUsage, "hive policy simulate --help has examples", "an action, and a user or a policy, are needed")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read policy: %w", err)
		}
		req.Policies = append(req.Policies, string(text))
	}
	if boundary != "" {
		text, err := os.ReadFile(boundary)
		if err != nil {
			return fmt.Errorf("read permissions boundary: %w", err)
		}
		req.Boundary = string(text)
	}
	for _, c := range context {
		key, value, ok := strings.Cut(c, "=")
		if !ok {
			return admin.Errorf(admin.KindUsage, "write it as KEY=VALUE", "the context %q has no value", c)
		}
		if req.Context == nil {
			req.Context = map[string][]string{}
		}
		req.Context[key] = append(req.Context[key], value)
	}
	return nil
}
