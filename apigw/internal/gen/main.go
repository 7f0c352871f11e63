// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// service is one SDK module and the directory its tables go to (relative to the repository's root).
type service struct {
	name string // package name of the SDK module
	dir  string
	pkg  string
}

var services = []service{
	{name: "ec2", dir: "apigw/ec2/ec2wire", pkg: "ec2wire"},
	{name: "iam", dir: "apigw/iam/iamwire", pkg: "iamwire"},
	{name: "sts", dir: "apigw/sts/stswire", pkg: "stswire"},
	// The newest version whose clients speak the query protocol: later ones hold no query names.
	{name: "cloudwatch", dir: "apigw/cloudwatch/cloudwatchwire", pkg: "cloudwatchwire"},
	// The newest versions whose sources hold the names of the JSON protocol: later ones have schemas instead.
	{name: "kms", dir: "apigw/kms/kmswire", pkg: "kmswire"},
	{name: "cloudtrail", dir: "apigw/cloudtrail/cloudtrailwire", pkg: "cloudtrailwire"},
	{name: "servicequotas", dir: "apigw/servicequotas/servicequotaswire", pkg: "servicequotaswire"},
}

// modulePrefix is where the SDK keeps its services.
const modulePrefix = "github.com/aws/aws-sdk-go-v2/service/"

func main() {
	root, err := repositoryRoot()
	if err == nil {
		err = write(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write regenerates every service's files below root.
func write(root string) error {
	for _, s := range services {
		files, err := generate(s)
		if err != nil {
			return fmt.Errorf("generate %s: %w", s.name, err)
		}
		for name, content := range files {
			path := filepath.Join(root, s.dir, name)
			if err := os.WriteFile(path, content, 0o644); err != nil {
				return fmt.Errorf("write table: %w", err)
			}
		}
	}
	return nil
}

// generate returns the generated files of one service by name.
func generate(s service) (map[string][]byte, error) {
	dir, version, err := module(modulePrefix + s.name)
	if err != nil {
		return nil, err
	}
	src, err := readSource(dir)
	if err != nil {
		return nil, err
	}
	names, err := src.emitNames(s, version)
	if err != nil {
		return nil, err
	}
	registry, err := src.emitRegistry(s, version)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"names.txt": names, "registry_gen.go": registry}, nil
}

// module finds a module's directory in the module cache and its version.
func module(path string) (dir, version string, err error) {
	cmd := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}} {{.Version}}", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("find module %s: %w", path, err)
	}
	dir, version, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || dir == "" {
		return "", "", fmt.Errorf("find module %s: not in the module cache; run go mod download", path)
	}
	return dir, version, nil
}

// repositoryRoot is the directory of the go.mod that governs the working directory.
func repositoryRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find go.mod: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
