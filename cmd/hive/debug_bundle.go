// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/bundle"
	"github.com/hivecloud/hive/internal/doctor"
)

func newDebugBundle(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "bundle FILE.tar.gz", Short: "Collect logs, configuration, health and statistics of this node into one file", Args: exactArgs("FILE.tar.gz"),
		Long: "Collect the logs of agent, block daemon and guards, the configuration, the results of hive doctor, where the log\n" +
			"stands, metrics, goroutines and versions into one file. Keys, secrets, user data and what guests print are not\n" +
			"in it. Works without an agent too; manifest.json says what could not be had.",
		Example: "  hive debug bundle node1.tar.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			client, err := a.client()
			if err != nil {
				return err
			}
			f, err := os.CreateTemp(filepath.Dir(args[0]), "."+filepath.Base(args[0])+".*")
			if err != nil {
				return admin.Errorf(admin.KindNotFound, "name a file in a directory that exists and that you may write to", "create %s: %w", args[0], cause(err))
			}
			defer os.Remove(f.Name()) // gone already when all went well
			defer f.Close()
			m, err := bundle.Write(a.withTimeout(cmd.Context()), f, bundle.Options{Config: cfg, Client: client, Machine: doctor.Host(), Version: version, Revision: revision})
			if err != nil {
				return err
			}
			if err := os.Rename(f.Name(), args[0]); err != nil {
				return fmt.Errorf("name bundle: %w", err)
			}
			if len(m.Errors) > 0 {
				a.note("not in it: %s", strings.Join(slices.Sorted(maps.Keys(m.Errors)), ", "))
			}
			a.note("wrote %s: %s; look through it before you send it", args[0], plural(len(m.Files), "file"))
			return nil
		},
	}
}

// cause is an error without the name of a temporary file that nobody asked for.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
