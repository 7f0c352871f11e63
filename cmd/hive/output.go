// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/hivecloud/hive/internal/admin"
)

// apiVersion is the version of the JSON that commands print. Members may be
// added within a version; none changes its name or meaning.
const apiVersion = "hive/v1"

// column is one column of a table.
type column[T any] struct {
	name string
	wide bool // only with -o wide
	cell func(T) string
}

// printList prints items in the form the user chose. kind names one item.
func printList[T any](a *app, kind string, items []T, columns []column[T]) error {
	if items == nil {
		items = []T{}
	}
	switch form, text := outputForm(a.output); form {
	case "table", "wide":
		return printTable(a.stdout, items, columns, form == "wide")
	case "json", "yaml":
		return printObject(a.stdout, form, object{APIVersion: apiVersion, Kind: kind + "List", Items: items})
	case "template":
		return printTemplate(a.stdout, text, items)
	default:
		return unknownForm(a.output)
	}
}

// printItem prints one item; as a table, one line a member.
func printItem[T any](a *app, kind string, item T, columns []column[T]) error {
	switch form, text := outputForm(a.output); form {
	case "table", "wide":
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		for _, c := range columns {
			if !c.wide || form == "wide" {
				fmt.Fprintf(w, "%s\t%s\n", c.name, oneLine(c.cell(item)))
			}
		}
		return flush(w)
	case "json", "yaml":
		return printObject(a.stdout, form, object{APIVersion: apiVersion, Kind: kind, Item: item})
	case "template":
		return printTemplate(a.stdout, text, []T{item})
	default:
		return unknownForm(a.output)
	}
}

// checkOutput refuses an unknown form before anything is done.
func checkOutput(output string) error {
	switch form, _ := outputForm(output); form {
	case "table", "wide", "json", "yaml", "template":
		return nil
	}
	return unknownForm(output)
}

func outputForm(output string) (form, text string) {
	form, text, _ = strings.Cut(output, "=")
	return form, text
}

func unknownForm(output string) error {
	return admin.Errorf(admin.KindUsage, "use -o table, wide, json, yaml or template='{{.id}}'", "unknown output form %q", output)
}

func printTable[T any](out io.Writer, items []T, columns []column[T], wide bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(cell func(column[T]) string) {
		var cells []string
		for _, c := range columns {
			if !c.wide || wide {
				cells = append(cells, oneLine(cell(c)))
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	line(func(c column[T]) string { return c.name })
	for _, item := range items {
		line(func(c column[T]) string { return c.cell(item) })
	}
	return flush(w)
}

// flush ends a table without the padding that tabwriter leaves behind the last
// cell of some rows.
func flush(w *tabwriter.Writer) error {
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// oneLine keeps names that users chose from breaking the table or driving the
// terminal.
func oneLine(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// object is what -o json and -o yaml print.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Item       any    `json:"item,omitempty"`
	Items      any    `json:"items,omitempty"`
	Error      any    `json:"error,omitempty"`
}

func printObject(out io.Writer, form string, o object) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(o); err != nil {
		return fmt.Errorf("encode output: %w", err)
	}
	if form == "yaml" {
		asYAML, err := yaml.JSONToYAML(text.Bytes())
		if err != nil {
			return fmt.Errorf("encode output: %w", err)
		}
		text = *bytes.NewBuffer(asYAML)
	}
	_, err := text.WriteTo(out)
	return err
}

// printTemplate executes a Go template for every item, a line each. Members have
// their JSON names, so that one contract serves both forms.
func printTemplate[T any](out io.Writer, text string, items []T) error {
	const hint = "members are named as in -o json, such as {{.id}}"
	t, err := template.New("output").Option("missingkey=error").Parse(text)
	if err != nil {
		return admin.Errorf(admin.KindUsage, hint, "parse template: %w", err)
	}
	for _, item := range items {
		encoded, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("encode output: %w", err)
		}
		dec := json.NewDecoder(bytes.NewReader(encoded))
		dec.UseNumber() // large numbers stay what they are
		var members any
		if err := dec.Decode(&members); err != nil {
			return fmt.Errorf("encode output: %w", err)
		}
		if err := t.Execute(out, members); err != nil {
			return admin.Errorf(admin.KindUsage, hint, "execute template: %w", err)
		}
		fmt.Fprintln(out)
	}
	return nil
}

// ago prints when something happened, as people count.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	default:
		return t.Local().Format(time.DateOnly)
	}
}

// gib prints bytes as GiB with one digit.
func gib(n uint64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<30)) }
