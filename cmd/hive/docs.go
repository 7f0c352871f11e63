// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hivecloud/hive/internal/agent"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/metrics"
)

// newDocs writes the generated reference pages; "make generate" calls it.
func newDocs(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "docs DIR", Short: "Write the generated reference pages", Args: exactArgs("DIR"), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			for name, text := range referencePages(a) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil {
					return fmt.Errorf("write reference page: %w", err)
				}
			}
			return nil
		},
	}
}

// referencePages are the generated pages by file name.
func referencePages(a *app) map[string]string {
	return map[string]string{"cli.md": cliReference(a), "config.md": config.Reference(), "metrics.md": metrics.Reference(), "settings.md": agent.SettingsReference()}
}

const cliHead = `# Commands

<!-- Generated from cmd/hive by "make generate"; do not edit. -->

Data goes to standard output, messages to standard error. ` + "`-o json`" + ` and ` + "`-o yaml`" + ` print an object with ` + "`kind`, `apiVersion`" + `
and ` + "`item` or `items`" + `; members may be added to it, none changes its meaning. Every error ends with one next step.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failure |
| 2 | the command was given wrong |
| 3 | not found |
| 4 | denied |
| 5 | the state forbids it |
| 6 | no agent, no leader or no quorum |
| 7 | no answer in time; it may still happen |
| 8 | asked for health, and it is not well |

## Flags of every command

`

func cliReference(a *app) string {
	root := newRoot(newApp(a.stdin, a.stdout, a.stderr, nil))
	var b strings.Builder
	b.WriteString(cliHead)
	flagTable(&b, root.PersistentFlags())
	for _, cmd := range root.Commands() {
		writeCommand(&b, cmd)
	}
	return b.String()
}

func writeCommand(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return
	}
	if !cmd.HasSubCommands() {
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n```\n%s\n```\n", cmd.CommandPath(), cmpOr(cmd.Long, cmd.Short)+dot(cmd), cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
		}
		if cmd.LocalNonPersistentFlags().HasAvailableFlags() {
			b.WriteByte('\n')
			flagTable(b, cmd.LocalNonPersistentFlags())
		}
	}
	for _, child := range cmd.Commands() {
		writeCommand(b, child)
	}
}

// dot ends a short description that stands alone.
func dot(cmd *cobra.Command) string {
	if cmd.Long == "" {
		return "."
	}
	return ""
}

func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| flag | meaning |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, f.Usage)
	})
}
