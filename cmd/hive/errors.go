// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

// fail prints an error with its next step and returns the exit code. With
// -o json the error is an object on standard error too, for scripts.
func (a *app) fail(err error) int {
	if errors.Is(err, context.Canceled) {
		// Somebody pressed Ctrl-C and knows it.
		fmt.Fprintln(a.stderr, "interrupted")
		return 130
	}
	if silent, ok := errors.AsType[*exitError](err); ok {
		return silent.kind.ExitCode()
	}
	e := admin.AsError(asUsage(err))
	if a.output == "json" {
		text, _ := json.Marshal(object{APIVersion: apiVersion, Kind: "Error", Error: e}) // a struct of strings
		fmt.Fprintln(a.stderr, string(text))
		return e.Kind.ExitCode()
	}
	fmt.Fprintln(a.stderr, "Error: "+e.Message)
	if e.Hint != "" {
		fmt.Fprintln(a.stderr, "Next:  "+e.Hint)
	}
	return e.Kind.ExitCode()
}

// exitError ends the program with a kind's code after the command has printed
// everything itself.
type exitError struct{ kind admin.Kind }

func (e *exitError) Error() string { return string(e.kind) }

// usageError makes flag errors usage errors.
func usageError(cmd *cobra.Command, err error) error {
	return admin.Errorf(admin.KindUsage, cmd.CommandPath()+" --help lists what it takes", "%w", err)
}

// asUsage recognises the errors that cobra makes about flags after parsing them;
// they have no type.
func asUsage(err error) error {
	if _, ok := errors.AsType[*admin.Error](err); ok {
		return err
	}
	text := err.Error()
	for _, prefix := range []string{"required flag", "if any flags in the group"} {
		if strings.HasPrefix(text, prefix) {
			return admin.Errorf(admin.KindUsage, "add --help to the command for its flags", "%w", err)
		}
	}
	return err
}

// exactArgs requires the named arguments.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		hint := cmd.CommandPath() + " --help shows an example"
		if len(args) < len(names) {
			return admin.Errorf(admin.KindUsage, hint, "%s is missing: %s", names[len(args)], cmd.UseLine())
		}
		return admin.Errorf(admin.KindUsage, hint, "%q is one argument too many: %s", args[len(names)], cmd.UseLine())
	}
}

// atMostOne allows the named argument and no more.
func atMostOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return exactArgs(name)(cmd, args)
		}
		return nil
	}
}

// group is a command that only holds others; naming none prints its help, and
// naming an unknown one is a usage error.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		RunE: helpOrUnknown, Args: cobra.ArbitraryArgs, SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(children...)
	return cmd
}

func helpOrUnknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := cmd.CommandPath() + " --help lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + cmd.CommandPath() + " " + near[0] + "?"
	}
	return admin.Errorf(admin.KindUsage, hint, "unknown command %q for %q", args[0], cmd.CommandPath())
}
