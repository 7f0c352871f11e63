// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedFilesAreCurrent generates again and compares with what is committed.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	root, err := repositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		files, err := generate(s)
		if err != nil {
			t.Fatalf("generate %s: %v", s.name, err)
		}
		for name, want := range files {
			path := filepath.Join(root, s.dir, name)
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is stale: run make generate", path)
			}
		}
	}
}

// TestKnownNames spot-checks names that rules of thumb get wrong, as captured from the AWS CLI.
func TestKnownNames(t *testing.T) {
	t.Parallel()
	files, err := generate(services[0])
	if err != nil {
		t.Fatal(err)
	}
	names := string(files["names.txt"])
	for _, want := range []string{
		"request DescribeAccountAttributesInput\n\tAttributeNames AttributeName -\n",
		"request types.Filter\n\tName Name\n\tValues Value -\n",
		"\tIpPermissions IpPermissions -\n",
		"\tSecurityGroupIds SecurityGroupId -\n",
		"\tReservations reservationSet item\n",
		"\tPrivateIpAddresses PrivateIpAddresses -\n",
		"\tDefaultVersion SetDefaultVersion\n",
	} {
		if !strings.Contains(names, want) {
			t.Errorf("no %q in the table", want)
		}
	}
}
