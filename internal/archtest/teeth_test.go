// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/importer"
	"go/types"
	"strings"
	"testing"
)

const head = licence + "\n\n"

func mustParse(t *testing.T, path, text string) *Source {
	t.Helper()
	s, err := Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bites checks that a rule finds want in the source, or nothing when want is
// empty.
func bites(t *testing.T, findings []Finding, want string) {
	t.Helper()
	if want == "" {
		report(t, findings)
		return
	}
	for _, f := range findings {
		if strings.Contains(f.String(), want) {
			return
		}
	}
	t.Errorf("got %v, want a finding with %q", findings, want)
}

func TestTeeth_Imports(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, path, imports, want string }{
		{"the truth imports a room", "fsm/a.go", module + "raftnode", "fsm may not import raftnode"},
		{"an engine imports the gateway", "blockstore/nbd/a.go", module + "apigw/ids", "blockstore may not import apigw/ids"},
		{"executors call each other", "compute/a.go", module + "blockstore", "compute may not import blockstore"},
		{"somebody imports the binary", "internal/agent/a.go", module + "cmd/hive", "may not import cmd/hive"},
		{"a leaf imports a room", "internal/vfs/a.go", module + "compute/qemu", "internal may not import compute/qemu"},
		{"a name that only looks like a room", "fsmx/a.go", module + "fsm", "is in no room"},
		{"a new room", "billing/a.go", module + "fsm", "is in no room"},
		{"the dear client outside its home", "apigw/a.go", "github.com/aws/aws-sdk-go-v2/service/ec2/types", "only apigw/ec2 may"},
		{"the dear client in a test", "internal/agent/a_test.go", "github.com/aws/aws-sdk-go-v2/service/ec2", "only apigw/ec2 may"},
		{"an engine knows AWS", "compute/qemu/a.go", "github.com/aws/aws-sdk-go-v2/aws", "know no AWS names"},
		{"the dear client at home", "apigw/ec2/x/a.go", "github.com/aws/aws-sdk-go-v2/service/ec2", ""},
		{"an arrow that points down", "apigw/ec2/a.go", module + "fsm/state", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bites(t, CheckImports(mustParse(t, tc.path, "package a\nimport _ \""+tc.imports+"\"\n")), tc.want)
		})
	}
}

func TestTeeth_Purity(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, path, text, want string }{
		{"clock", "fsm/a.go", `package a; import "time"; var T = time.Now()`, "time.Now"},
		{"dice", "fsm/state/a.go", `package a; import _ "math/rand/v2"`, "math/rand/v2"},
		{"secret dice", "fsm/a.go", `package a; import _ "crypto/rand"`, "crypto/rand"},
		{"disk", "compute/scheduler/a.go", `package a; import _ "os"`, "imports os"},
		{"network", "fsm/a.go", `package a; import _ "net/http"`, "net/http"},
		{"goroutine", "fsm/a.go", `package a; func f() { go f() }`, "goroutine"},
		{"select", "fsm/a.go", `package a; func f(c, d chan int) { select { case <-c: case <-d: } }`, "select"},
		{"addresses are values", "fsm/a.go", `package a; import _ "net/netip"`, ""},
		{"durations are values", "fsm/a.go", `package a; import "time"; var D = time.Second`, ""},
		{"tests may", "fsm/a_test.go", `package a; import "time"; var T = time.Now()`, ""},
		{"other rooms may", "compute/a.go", `package a; import "time"; var T = time.Now()`, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bites(t, CheckPurity(mustParse(t, tc.path, tc.text)), tc.want)
		})
	}
}

func TestTeeth_MapOrder(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, body, want string }{
		{"bare loop", "for k := range m { out = append(out, k) }", "ranges over a map"},
		{"named map type", "type set map[string]bool; for k := range set(m) { out = append(out, k) }", "ranges over a map"},
		{"iterator", "for k := range maps.Keys(m) { out = append(out, k) }", "maps.Keys"},
		{"collected unsorted", "out = slices.Collect(maps.Keys(m))", "maps.Keys"},
		{"sorted", "out = slices.Sorted(maps.Keys(m))", ""},
		{"reason above", "// any order: a sum\nfor range m { out = nil }", ""},
		{"reason beside", "for range m { // order does not matter, they are counted\n out = nil }", ""},
		{"reason too far away", "// any order: a sum\n\nfor range m { out = nil }", "ranges over a map"},
		{"slice", "for _, k := range out { _ = k }", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			text := "package a\nimport (\"maps\"; \"slices\")\nvar _, _ = slices.Sort[[]string], maps.Clone[map[string]bool]\n" +
				"func f(m map[string]bool) (out []string) {\n" + tc.body + "\nreturn out }\n"
			s := mustParse(t, "fsm/a.go", text)
			info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
			conf := types.Config{Importer: importer.ForCompiler(s.fset, "source", nil)}
			if _, err := conf.Check("a", s.fset, []*ast.File{s.file}, info); err != nil {
				t.Fatal(err)
			}
			bites(t, CheckMapOrder(s.Path, s.fset, s.file, info), tc.want)
		})
	}
}

func TestTeeth_Text(t *testing.T) {
	t.Parallel()
	long := "package a\nfunc f() {\n" + strings.Repeat("_ = 1\n", functionLines) + "}\n"
	huge := "package a\n" + strings.Repeat("// x\n", fileLines+1)
	cases := []struct{ name, path, text, want string }{
		{"no licence", "a/a.go", "package a\n", "does not start with"},
		{"licence too late", "a/a.go", "\n" + head + "package a\n", "does not start with"},
		{"long function", "a/a.go", head + long, "function f has 62 lines"},
		{"long table in a test", "a/a_test.go", head + long, ""},
		{"long file", "a/a.go", head + huge, "split it by noun"},
		{"long generated file", "a/a.go", head + "// Code generated by x. DO NOT EDIT.\n\n" + huge, ""},
		{"marker", "a/a.go", head + "package a\n// TO" + "DO: later\n", "do it now"},
		{"marker inside a word", "a/a.go", head + "package a\n// ToDoList is a name\n", ""},
		{"clean", "a/a.go", head + "package a\n", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bites(t, CheckText(mustParse(t, tc.path, tc.text)), tc.want)
		})
	}
}

func TestTeeth_PackageDocs(t *testing.T) {
	t.Parallel()
	documented := "// Package a is documented.\npackage a\n"
	cases := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"none", map[string]string{"a/a.go": "package a\n"}, "has no package comment"},
		{"only in a test", map[string]string{"a/a.go": "package a\n", "a/a_test.go": documented}, "has no package comment"},
		{"a licence is no documentation", map[string]string{"a/a.go": licence + "\npackage a\n"}, "has no package comment"},
		{"two", map[string]string{"a/a.go": documented, "a/b.go": documented}, "several package comments: a/a.go, a/b.go"},
		{"one", map[string]string{"a/doc.go": documented, "a/b.go": "package a\n"}, ""},
		{"a command", map[string]string{"c/doc.go": "// Command c does it.\npackage main\n"}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var tree []*Source
			for path, text := range tc.files {
				tree = append(tree, mustParse(t, path, text))
			}
			bites(t, CheckPackageDocs(tree), tc.want)
		})
	}
}
