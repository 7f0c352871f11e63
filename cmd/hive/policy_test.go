// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivecloud/hive/internal/admin"
)

func init() {
	fixture[admin.RoutePolicySimulate] = []admin.PolicyDecision{
		{Action: "ec2:RunInstances", Resource: "*", Decision: "allowed", Statements: []string{"PolicyInputList.1 4:5"}, Missing: []string{"aws:SourceIp"}},
		{Action: "iam:CreateUser", Resource: "*", Decision: "implicitDeny", Reason: "because no identity-based policy allows the iam:CreateUser action"},
	}
}

// What hive policy prints on both streams, and its exit codes.
func TestPolicyTranscript_Golden(t *testing.T) {
	t.Parallel()
	dir := standIn(t)
	if err := os.WriteFile(filepath.Join(dir, "p.json"), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"policy simulate --user alice --action ec2:RunInstances --action iam:CreateUser --context ec2:InstanceType=t3.micro",
		"policy simulate --policy DATA/p.json --action ec2:RunInstances -o wide", "policy simulate --policy DATA/p.json --boundary DATA/p.json --action ec2:RunInstances -o json",
		// faults
		"policy simulate --user alice", "policy simulate --action ec2:RunInstances", "policy simulate --user alice --action ec2:RunInstances --context x",
		"policy simulate --policy /nonexistent --action ec2:RunInstances",
	}
	var b strings.Builder
	for _, line := range lines {
		stdout, stderr, code := invoke(t, nil, append(strings.Fields(strings.ReplaceAll(line, "DATA", dir)), "--data-dir", dir)...)
		fmt.Fprintf(&b, "$ hive %s\n%s", line, stdout)
		for text := range strings.Lines(stderr) {
			b.WriteString("! " + text)
		}
		fmt.Fprintf(&b, "= %d\n\n", code)
	}
	golden(t, "testdata/policy.golden", strings.ReplaceAll(b.String(), dir, "DATA"))
}
