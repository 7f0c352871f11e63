// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/config"
)

// systemConfig is read when it exists and no --config is given.
const systemConfig = "/etc/hive"

// nodeConfig is the file that admin init writes into the data directory.
const nodeConfig = "hive.hcl"

// app is one run of the program: its streams, environment and global flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            []string

	output  string
	quiet   bool
	noColor bool
	timeout time.Duration
	config  []string
	flags   *pflag.FlagSet // flags that set configuration values

	cancel []context.CancelFunc
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, env []string) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env, flags: pflag.NewFlagSet("config", pflag.ContinueOnError)}
}

func (a *app) close() {
	for _, cancel := range a.cancel {
		cancel()
	}
}

// getenv reads one variable of the app's environment.
func (a *app) getenv(name string) string {
	for i := len(a.env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(a.env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// newRoot builds the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "hive",
		Short:         "An AWS region in one binary",
		Long:          "Hive is an AWS region in one binary, for people who own the machines.\n\nStart with: hive quickstart",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          helpOrUnknown,

		SuggestionsMinimumDistance: 2,
		Version:                    version,

		PersistentPreRunE: func(*cobra.Command, []string) error { return checkOutput(a.output) },
	}
	root.SetFlagErrorFunc(usageError)
	root.CompletionOptions.HiddenDefaultCmd = false
	a.addGlobalFlags(root.PersistentFlags())
	root.AddGroup(&cobra.Group{ID: "operate", Title: "Operate a region:"}, &cobra.Group{ID: "node", Title: "Run a node:"})
	operate := []*cobra.Command{
		newMembers(a), newRaft(a), newNode(a), newEvents(a), newInstance(a), newImage(a), newEnv(a), newQuickstart(a),
		newAccount(a), newAccessKey(a), newPolicy(a), newSettings(a), newBackup(a), newDoctor(a), newDebug(a), newTop(a),
	}
	node := []*cobra.Command{newAgent(a), newBlockd(a), newGuard(a), newAdmin(a), newConfig(a)}
	for _, cmd := range operate {
		cmd.GroupID = "operate"
	}
	for _, cmd := range node {
		cmd.GroupID = "node"
	}
	root.AddCommand(append(append(operate, node...), newVersion(a), newDocs(a))...)
	return root
}

func (a *app) addGlobalFlags(f *pflag.FlagSet) {
	f.StringVarP(&a.output, "output", "o", cmpOr(a.getenv("HIVE_OUTPUT"), "table"), "output form: table, wide, json, yaml or template=TEXT")
	f.BoolVarP(&a.quiet, "quiet", "q", a.getenv("HIVE_QUIET") != "", "print data and errors only")
	f.BoolVar(&a.noColor, "no-color", a.getenv("NO_COLOR") != "", "print no colours")
	f.DurationVar(&a.timeout, "timeout", time.Minute, "how long to wait for an answer")
	f.StringSliceVar(&a.config, "config", splitEnv(a.getenv("HIVE_CONFIG")), "configuration file or directory, read after "+nodeConfig+" of the data directory (default "+systemConfig+")")
	a.flags.String("data-dir", "", "directory of the node (default /var/lib/hive)")
	a.flags.String("hive-dir", "", "second name of --data-dir")
	f.AddFlagSet(a.flags)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func splitEnv(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// addConfigFlags gives a command the flags that set configuration values.
func (a *app) addConfigFlags(cmd *cobra.Command) {
	own := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	for _, f := range config.Flags() {
		if f.Name == "data-dir" {
			continue
		}
		usage := f.Usage
		if f.Default != "" {
			usage += " (default " + f.Default + ")"
		}
		if f.Name == "cap" || strings.HasSuffix(f.Usage, "s") && f.Name == "names" {
			own.StringSlice(f.Name, nil, usage)
			continue
		}
		own.String(f.Name, "", usage)
	}
	cmd.Flags().AddFlagSet(own)
	// Changed flags are read when the command runs.
	cmd.PreRunE = func(*cobra.Command, []string) error { a.flags.AddFlagSet(own); return nil }
}

// configSources says where the configuration of this run comes from.
func (a *app) configSources() config.Sources {
	flags := map[string]string{}
	// The sets share their flags with the command's own set, which is the one
	// that parses: only Changed tells what was given.
	a.flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			flags[f.Name] = strings.Trim(f.Value.String(), "[]")
		}
	})
	if dir, ok := flags["hive-dir"]; ok {
		delete(flags, "hive-dir")
		flags["data-dir"] = dir
	}
	paths := a.config
	if _, err := os.Stat(systemConfig); err == nil && len(paths) == 0 && flags["data-dir"] == "" && a.getenv("HIVE_DATA_DIR") == "" {
		paths = []string{systemConfig}
	}
	src := config.Sources{Paths: paths, Env: a.env, Flags: flags}
	// Any source may name the data directory, so it is known after a first
	// reading. What init kept there is the weakest: it is what was said first.
	found, _ := config.Load(src)
	own := filepath.Join(found.Node.DataDir, nodeConfig)
	if _, err := os.Stat(own); err == nil && !slices.Contains(paths, own) {
		src.Paths = append([]string{own}, paths...)
	}
	return src
}

// loadConfig loads the configuration and prints what is wrong with it.
func (a *app) loadConfig() (*config.Config, error) {
	cfg, diags := config.Load(a.configSources())
	if len(diags.List) > 0 && (diags.HasErrors() || !a.quiet) {
		if err := diags.Write(a.stderr, 0, a.color(a.stderr)); err != nil {
			return nil, err
		}
	}
	if diags.HasErrors() {
		n := len(diags.List.Errs())
		return nil, admin.Errorf(admin.KindUsage, "correct the lines above; docs/reference/config.md lists every argument", "the configuration has %s", plural(n, "fault"))
	}
	return cfg, nil
}

// color tells whether output to w may be coloured.
func (a *app) color(w io.Writer) bool { return !a.noColor && isTerminal(w) }

// client is the admin API of the agent of the configured data directory.
func (a *app) client() (*admin.Client, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	return admin.NewClient(cfg.AdminSocket()), nil
}

// withTimeout bounds a call to the agent by --timeout.
func (a *app) withTimeout(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	a.cancel = append(a.cancel, cancel)
	return ctx
}

// note prints a message for people: never data, never with --quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// timeoutDefault gives a command that takes longer another --timeout.
func (a *app) timeoutDefault(cmd *cobra.Command, d time.Duration) {
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if !cmd.Flags().Changed("timeout") {
			a.timeout = d
		}
	}
}
