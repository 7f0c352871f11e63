// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value is one configured value as people read it.
type Value struct {
	Path   string `json:"path"`
	Value  string `json:"value"` // HCL syntax
	Origin string `json:"origin"`
	Reload bool   `json:"reload"` // a change needs no restart
}

// Values lists every value in schema order.
func (c *Config) Values() []Value {
	var out []Value
	for _, f := range leaves(c) {
		out = append(out, Value{
			Path:   f.path(),
			Value:  hclText(f.field),
			Origin: c.origins[f.path()].String(),
			Reload: f.tag.Get("reload") == "true",
		})
	}
	return out
}

// Origin says where the value at path came from.
func (c *Config) Origin(path string) Origin { return c.origins[path] }

// HCL prints the configuration as a file that Load would read to the same
// values. With origins, each line ends in a comment that says where from.
func (c *Config) HCL(origins bool) string {
	var b strings.Builder
	block := ""
	all := leaves(c)
	for i, f := range all {
		if f.block != block {
			if block != "" {
				b.WriteString("}\n\n")
			}
			block = f.block
			fmt.Fprintf(&b, "%s {\n", block)
		}
		width := 0
		for _, other := range all {
			if other.block == block {
				width = max(width, len(other.key))
			}
		}
		fmt.Fprintf(&b, "  %-*s = %s", width, f.key, hclText(f.field))
		if origins {
			fmt.Fprintf(&b, " # %s", c.origins[f.path()])
		}
		b.WriteByte('\n')
		if i == len(all)-1 {
			b.WriteString("}\n")
		}
	}
	return b.String()
}

// hclText prints a value in HCL syntax.
func hclText(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		words := make([]string, len(x))
		for i, s := range x {
			words[i] = quote(s)
		}
		return "[" + strings.Join(words, ", ") + "]"
	case []int:
		return "[" + strings.ReplaceAll(format(v), ",", ", ") + "]"
	case map[string]string:
		words := make([]string, 0, len(x))
		for _, k := range sortedKeys(x) {
			words = append(words, quote(k)+" = "+quote(x[k]))
		}
		if len(words) == 0 {
			return "{}"
		}
		return "{ " + strings.Join(words, ", ") + " }"
	case int, float64, bool:
		return format(v)
	case time.Duration:
		return quote(x.String())
	default:
		return quote(format(v))
	}
}

// quote writes an HCL string; ${ and %{ would start a template.
func quote(s string) string {
	s = strconv.Quote(s)
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s)
}

// Change is one value that differs between two configurations.
type Change struct {
	Path   string
	Old    string
	New    string
	Reload bool // may be applied without a restart
}

// Diff lists what changes from c to next, in schema order.
func (c *Config) Diff(next *Config) []Change {
	var out []Change
	after := next.Values()
	for i, before := range c.Values() {
		if before.Value != after[i].Value {
			out = append(out, Change{Path: before.Path, Old: before.Value, New: after[i].Value, Reload: before.Reload})
		}
	}
	return out
}

// Flag describes a command-line flag that sets a value.
type Flag struct {
	Name, Usage string
	Default     string
}

// Flags lists the flags of the schema, for the commands that start or
// initialise a node.
func Flags() []Flag {
	var out []Flag
	for _, f := range leaves(&Config{}) {
		name := f.tag.Get("flag")
		if name == "" {
			continue
		}
		doc, _, _ := strings.Cut(f.tag.Get("doc"), ". ")
		def := f.tag.Get("default")
		if rule := f.tag.Get("derive"); rule != "" {
			def = rule
		}
		out = append(out, Flag{Name: name, Usage: strings.TrimSuffix(doc, "."), Default: def})
	}
	slices.SortFunc(out, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Given prints only the values that came from the given kinds of places, as HCL:
// what has to be kept for the same configuration to come out again. The data
// directory is left out, because the file is meant to lie in it.
func (c *Config) Given(kinds ...Kind) string {
	var b strings.Builder
	block := ""
	for _, f := range leaves(c) {
		if !slices.Contains(kinds, c.origins[f.path()].Kind) || f.path() == "node.data_dir" {
			continue
		}
		if f.block != block {
			if block != "" {
				b.WriteString("}\n\n")
			}
			block = f.block
			fmt.Fprintf(&b, "%s {\n", block)
		}
		fmt.Fprintf(&b, "  %s = %s\n", f.key, hclText(f.field))
	}
	if block != "" {
		b.WriteString("}\n")
	}
	return b.String()
}
