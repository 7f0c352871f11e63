// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference is docs/reference/config.md, written from the schema.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	c := &Config{}
	root := reflect.TypeFor[Config]()
	block := ""
	for _, f := range leaves(c) {
		if f.block != block {
			block = f.block
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", block, blockDoc(root, block))
			b.WriteString("| argument | type | default | environment, flag | meaning |\n|---|---|---|---|---|\n")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.key, typeName(f), defaultText(f), namesText(f), meaning(f))
	}
	return b.String()
}

const referenceHead = `# Configuration

<!-- Generated from internal/config by "make generate"; do not edit. -->

A node reads, from weakest to strongest: built-in defaults, ` + "`hive.hcl`" + ` of the data directory (where ` + "`hive admin init`" + ` keeps
what it was given), the files or directories that ` + "`--config`" + ` names (` + "`/etc/hive`" + ` when nothing is named; ` + "`*.hcl`" + ` in name order),
` + "`HIVE_*`" + ` variables, flags. ` + "`hive config show --origin`" + ` prints every value with the place it came from; ` + "`hive config validate`" + `
prints every fault with its source line.

Amounts are written with a unit (` + "`\"4GiB\"`, `\"500MB\"`" + `), durations too (` + "`\"30s\"`" + `), addresses as ` + "`\"host:port\"`" + `, address blocks as
` + "`\"10.0.0.0/16\"`" + `. In variables and flags, lists are separated by commas. An unknown block, argument or ` + "`HIVE_<BLOCK>_`" + `
variable is an error. Arguments marked *reload* change on SIGHUP; every other change needs a restart of the agent, which
leaves guests running.
`

func blockDoc(root reflect.Type, block string) string {
	for i := range root.NumField() {
		if root.Field(i).Tag.Get("hcl") == block {
			return root.Field(i).Tag.Get("doc")
		}
	}
	return ""
}

func typeName(f leaf) string {
	switch t := f.field.Type(); t {
	case typeBytes:
		return "amount"
	case typeHostPort:
		return "address"
	case typePrefix:
		return "block"
	case typeAddr:
		return "address"
	case typeDuration:
		return "duration"
	default:
		switch t.Kind() {
		case reflect.Slice:
			return "list of " + map[reflect.Kind]string{reflect.String: "texts", reflect.Int: "numbers"}[t.Elem().Kind()]
		case reflect.Map:
			return "map of texts"
		case reflect.Int, reflect.Float64:
			return "number"
		case reflect.Bool:
			return "true or false"
		default:
			return "text"
		}
	}
}

func defaultText(f leaf) string {
	if rule := f.tag.Get("derive"); rule != "" {
		return rule
	}
	text, ok := f.tag.Lookup("default")
	if !ok {
		return "none"
	}
	return "`" + strings.ReplaceAll(text, ",", ", ") + "`"
}

func namesText(f leaf) string {
	names := []string{"`" + f.env() + "`"}
	if short := f.tag.Get("env"); short != "" {
		names = append(names, "`"+short+"`")
	}
	if flag := f.tag.Get("flag"); flag != "" {
		names = append(names, "`--"+flag+"`")
	}
	return strings.Join(names, ", ")
}

func meaning(f leaf) string {
	text := f.tag.Get("doc")
	if words := f.tag.Get("oneof"); words != "" {
		text += " One of `" + strings.ReplaceAll(words, ",", "`, `") + "`."
	}
	if least, most := f.tag.Get("min"), f.tag.Get("max"); least != "" {
		text += fmt.Sprintf(" From %s to %s.", least, most)
	}
	if alias := f.tag.Get("alias"); alias != "" {
		text += " `" + alias + "` is a second name."
	}
	if f.tag.Get("reload") == "true" {
		text += " *reload*"
	}
	return text
}
