// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/doctor"
)

func newDoctor(a *app) *cobra.Command {
	var skip []string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check what this machine offers a node, and say what to do about it", Args: exactArgs(),
		Long:    "Check what a node needs from this machine. A warning is something the node runs without; a\nfailure something it does not. Exits with 8 when a check fails.\n\nChecks: " + strings.Join(doctor.IDs(), ", "),
		Example: "  hive doctor\n  hive doctor --skip aws-cli,swtpm -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, id := range skip {
				if !slices.Contains(doctor.IDs(), id) {
					return admin.Errorf(admin.KindUsage, "hive doctor --help lists the checks", "there is no check %q", id)
				}
			}
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			results := doctor.Run(a.withTimeout(cmd.Context()), cfg, doctor.Host(), skip)
			if err := printList(a, "Check", results, doctorColumns); err != nil {
				return err
			}
			if a.output == "table" || a.output == "wide" {
				printFixes(a, results)
			}
			if doctor.Worst(results) == doctor.Fail {
				return &exitError{admin.KindUnhealthy}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&skip, "skip", nil, "checks to leave out")
	a.addConfigFlags(cmd)
	return cmd
}

var doctorColumns = []column[doctor.Result]{
	{"CHECK", false, func(r doctor.Result) string { return r.ID }},
	{"VERDICT", false, func(r doctor.Result) string { return string(r.Verdict) }},
	{"FOUND", false, func(r doctor.Result) string { return r.Found }},
	{"FIX", true, func(r doctor.Result) string { return r.Fix }},
}

// printFixes lists what to do below the table, gravest first.
func printFixes(a *app, results []doctor.Result) {
	counts := map[doctor.Verdict]int{}
	for _, v := range []doctor.Verdict{doctor.Fail, doctor.Warn} {
		for _, r := range results {
			if r.Verdict == v {
				counts[v]++
				a.note("%s  %s: %s", a.mark(v), r.ID, r.Fix)
			}
		}
	}
	a.note("%s", fmt.Sprintf("%s, %s", plural(counts[doctor.Fail], "failure"), plural(counts[doctor.Warn], "warning")))
}

// mark is a verdict, coloured for a terminal.
func (a *app) mark(v doctor.Verdict) string {
	code := map[doctor.Verdict]string{doctor.Fail: "31", doctor.Warn: "33"}[v]
	if !a.color(a.stderr) || code == "" {
		return string(v)
	}
	return "\x1b[" + code + "m" + string(v) + "\x1b[0m"
}
