// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// One backup that was written once: what the commands print about it is the same each time.
func TestBackupCommands_Golden(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(secret, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"backup inspect testdata/region.backup", "backup inspect testdata/region.backup -o json", "raft snapshot inspect testdata/region.backup",
		"backup restore testdata/region.backup --data-dir DIR/n --passphrase-file DIR/nothing", "backup restore testdata/region.backup --data-dir DIR/n",
		"backup restore testdata/region.backup --data-dir DIR/n --passphrase-file DIR/passphrase",
		"backup restore testdata/region.backup --data-dir DIR/n --passphrase-file DIR/passphrase",
		"raft log verify --data-dir DIR/n", "raft recover --data-dir DIR/n",
	}
	var b strings.Builder
	for _, line := range lines {
		stdout, stderr, code := invoke(t, nil, strings.Fields(strings.ReplaceAll(line, "DIR", dir))...)
		b.WriteString("$ hive " + line + "\n" + stdout)
		for text := range strings.Lines(stderr) {
			b.WriteString("! " + text)
		}
		fmt.Fprintf(&b, "= %d\n\n", code)
	}
	// What is in the log after the restore depends on how its leader came to lead.
	text := regexp.MustCompile(`(?m)^(Entries|Index|State hash)( +).*$`).ReplaceAllString(strings.ReplaceAll(b.String(), dir, "DIR"), "$1$2...")
	golden(t, "testdata/backup.golden", text)
}
