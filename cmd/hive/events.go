// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

func newEvents(a *app) *cobra.Command {
	var follow bool
	var after uint64
	cmd := &cobra.Command{
		Use: "events", Short: "Show what happened to the region's nodes, and to instances because of it", Args: exactArgs(),
		Long: "Show what happened to the region's nodes, and to instances because of it, oldest first. The region\n" +
			"remembers the last 1024 events. With --follow the command stays and prints what happens; with -o json\n" +
			"it then prints one object a line.",
		Example: "  hive events\n  hive events --follow --after 120",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := a.client()
			if err != nil {
				return err
			}
			if follow {
				return followEvents(cmd.Context(), a, client, after)
			}
			var events []admin.Event
			if err := client.Events(a.withTimeout(cmd.Context()), after, false, func(e admin.Event) { events = append(events, e) }); err != nil {
				return err
			}
			return printList(a, "Event", events, eventColumns)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "stay and print events as they happen")
	cmd.Flags().Uint64Var(&after, "after", 0, "only events with a greater number")
	return cmd
}

var eventColumns = []column[admin.Event]{
	{"NUMBER", true, func(e admin.Event) string { return fmt.Sprint(e.Seq) }},
	{"TIME", false, func(e admin.Event) string { return e.At.UTC().Format(time.RFC3339) }},
	{"KIND", false, func(e admin.Event) string { return e.Kind }},
	{"NODE", false, func(e admin.Event) string { return e.Node }},
	{"INSTANCE", true, func(e admin.Event) string { return e.Instance }},
	{"EVENT", false, func(e admin.Event) string { return e.Message }},
}

// followEvents prints events as they come: a table cannot wait for its last row to know how wide it is.
func followEvents(ctx context.Context, a *app, client *admin.Client, after uint64) error {
	form, text := outputForm(a.output)
	var failed error
	err := client.Events(ctx, after, true, func(e admin.Event) {
		switch form {
		case "json":
			failed = json.NewEncoder(a.stdout).Encode(e)
		case "template":
			failed = printTemplate(a.stdout, text, []admin.Event{e})
		case "yaml":
			failed = printObject(a.stdout, form, object{APIVersion: apiVersion, Kind: "Event", Item: e})
		default:
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "%s\t%-20s\t%s\n", e.At.UTC().Format(time.RFC3339), e.Kind, oneLine(e.Message))
			failed = flush(w)
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
