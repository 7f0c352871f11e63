// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// pure are the directories whose code is a function of its input. fsm/fsmtest
// is a test world around them.
var pure = []string{"fsm", "compute/scheduler"}

var pureExcept = []string{"fsm/fsmtest"}

// IsPure tells whether the rules of purity hold for a directory.
func IsPure(dir string) bool {
	in := func(rooms []string) bool {
		return slices.ContainsFunc(rooms, func(r string) bool { return within(dir, r) })
	}
	return in(pure) && !in(pureExcept)
}

// impureImports reach the machine: its clock, its dice, its disks, its network.
var impureImports = []string{
	"os", "net", "syscall", "log", "math/rand", "crypto/rand", "golang.org/x/sys", "golang.org/x/net",
	"github.com/google/uuid", "github.com/hashicorp/raft", "github.com/hashicorp/go-hclog",
}

// pureImports are exceptions below impureImports: they compute and touch nothing.
var pureImports = []string{"net/netip", "net/url"}

// clock are the names of package time that read or wait for the clock.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// CheckPurity judges the imports and calls of a file of a pure directory.
func CheckPurity(s *Source) []Finding {
	if !IsPure(s.Dir()) || s.Test() {
		return nil
	}
	var out []Finding
	for _, spec := range s.file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if slices.Contains(pureImports, path) {
			continue
		}
		if slices.ContainsFunc(impureImports, func(p string) bool { return within(path, p) }) {
			out = append(out, s.finding(spec, "imports %s: this package is a function of its input", path))
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				out = append(out, s.finding(n, "time.%s: the proposer chooses the time", n.Sel.Name))
			}
		case *ast.GoStmt:
			out = append(out, s.finding(n, "starts a goroutine: order would depend on the machine"))
		case *ast.SelectStmt:
			out = append(out, s.finding(n, "select: its choice is random"))
		}
		return true
	})
	return out
}

// CheckMapOrder judges loops over maps of a type-checked file of a pure
// directory: their order is random. A loop is fine when its comment, on the same
// line or the one above, says why the order does not matter and holds the word
// "order", or when it ranges over sorted keys.
func CheckMapOrder(path string, fset *token.FileSet, file *ast.File, info *types.Info) []Finding {
	s := &Source{Path: path, fset: fset, file: file}
	if s.Test() {
		return nil
	}
	excused := map[int]bool{}
	for _, group := range file.Comments {
		if strings.Contains(strings.ToLower(group.Text()), "order") {
			end := fset.Position(group.End()).Line
			excused[end], excused[end+1] = true, true
		}
	}
	var out []Finding
	sorted := sortedCalls(file)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if isMap(info.TypeOf(n.X)) && !excused[fset.Position(n.Pos()).Line] {
				out = append(out, s.finding(n, "ranges over a map, whose order is random; sort the keys, or say in a comment why the order does not matter"))
			}
		case *ast.CallExpr:
			if name := mapsIterator(n); name != "" && !sorted[n] && !excused[fset.Position(n.Pos()).Line] {
				out = append(out, s.finding(n, "maps.%s yields a random order; wrap it in slices.Sorted", name))
			}
		}
		return true
	})
	return out
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// mapsIterator names the iterator of package maps that a call makes.
func mapsIterator(call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if ok && pkg.Name == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, sel.Sel.Name) {
		return sel.Sel.Name
	}
	return ""
}

// sortedCalls finds the calls that are arguments of slices.Sorted and its kin.
func sortedCalls(file *ast.File) map[*ast.CallExpr]bool {
	out := map[*ast.CallExpr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Sorted") && len(call.Args) > 0 {
			if inner, ok := call.Args[0].(*ast.CallExpr); ok {
				out[inner] = true
			}
		}
		return true
	})
	return out
}
