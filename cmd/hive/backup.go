// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/agent"
)

func newBackup(a *app) *cobra.Command {
	return group("backup", "Back the region up, and make it again from a backup", newBackupCreate(a), newBackupInspect(a), newBackupRestore(a))
}

// passphraseVariable holds the passphrase of scheduled backups.
const passphraseVariable = "HIVE_BACKUP_PASSPHRASE"

const passphraseHelp = "The passphrase comes from --passphrase-file, from " + passphraseVariable + ", or is asked for on a terminal."

func addPassphraseFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "passphrase-file", "", "file whose first line is the passphrase; - reads standard input")
}

// passphrase finds the passphrase where the user put it.
func (a *app) passphrase(file string, confirm bool) ([]byte, error) {
	if file == "-" {
		return firstLine(a.stdin)
	}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, admin.Errorf(admin.KindNotFound, "name a file with --passphrase-file", "open passphrase file: %w", err)
		}
		defer f.Close()
		return firstLine(f)
	}
	if value := a.getenv(passphraseVariable); value != "" {
		return []byte(value), nil
	}
	in, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(in) {
		return nil, admin.Errorf(admin.KindUsage, "add --passphrase-file FILE, or set "+passphraseVariable, "a passphrase is needed, and there is no terminal to ask for it")
	}
	first, err := a.ask(in, "Passphrase: ")
	if err != nil || !confirm {
		return first, err
	}
	second, err := a.ask(in, "Once more: ")
	if err == nil && !bytes.Equal(first, second) {
		err = admin.Errorf(admin.KindUsage, "run the command again", "the two passphrases differ")
	}
	return first, err
}

// ask reads a line without showing it.
func (a *app) ask(in *os.File, prompt string) ([]byte, error) {
	fmt.Fprint(a.stderr, prompt)
	text, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return text, nil
}

func firstLine(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

var backupColumns = []column[agent.BackupInfo]{
	{"File", false, func(b agent.BackupInfo) string { return b.File + ", " + strconv.FormatInt(b.Bytes, 10) + " bytes" }},
	{"Made", false, func(b agent.BackupInfo) string { return b.Created.UTC().Format(time.RFC3339) + " by " + b.Node }},
	{"Region", false, func(b agent.BackupInfo) string { return b.Region + ", cluster " + b.ClusterID }},
	{"Index", false, func(b agent.BackupInfo) string { return index(b.Index) }},
	{"State hash", false, func(b agent.BackupInfo) string { return b.StateHash }},
	{"Holds", false, func(b agent.BackupInfo) string {
		return plural(b.Accounts, "account") + ", " + plural(b.Instances, "instance") + ", " + plural(b.Volumes, "volume") + ", " + plural(b.Nodes, "node")
	}},
	{"Version", true, func(b agent.BackupInfo) string { return b.Hive }},
	{"Format level", true, func(b agent.BackupInfo) string { return strconv.Itoa(b.FormatLevel) }},
}
