// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// Ceilings of hand-written code. A test function may be as long as its table.
const (
	fileLines     = 600
	functionLines = 60
)

const licence = "// SPDX-License-Identifier: Apache-2.0"

// CheckText judges licence line, sizes and markers of a file.
func CheckText(s *Source) []Finding {
	var out []Finding
	if first, _, _ := strings.Cut(s.Text, "\n"); first != licence {
		out = append(out, Finding{s.Path, "does not start with " + licence})
	}
	out = append(out, checkMarkers(s)...)
	if s.Generated() {
		return out
	}
	if n := strings.Count(s.Text, "\n"); n > fileLines {
		out = append(out, Finding{s.Path, fmt.Sprintf("has %d lines, more than %d; split it by noun", n, fileLines)})
	}
	if !s.Test() {
		out = append(out, checkFunctions(s)...)
	}
	return out
}

func checkFunctions(s *Source) []Finding {
	var out []Finding
	ast.Inspect(s.file, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			return true
		}
		if lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; lines > functionLines {
			out = append(out, s.finding(f, "function %s has %d lines, more than %d", f.Name.Name, lines, functionLines))
		}
		return true
	})
	return out
}

// The words are put together here so that this file does not break its rule.
var markers = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

// checkMarkers finds what somebody meant to do later.
func checkMarkers(s *Source) []Finding {
	var out []Finding
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			if word := markers.FindString(c.Text); word != "" {
				out = append(out, s.finding(c, "%s: do it now, or leave it to an issue", word))
			}
		}
	}
	return out
}

// CheckPackageDocs wants exactly one file with a package comment, and it is
// doc.go: the first file a stranger opens. Test packages need none.
func CheckPackageDocs(tree []*Source) []Finding {
	type pkg struct{ docs, code []string }
	packages := map[string]*pkg{}
	for _, s := range tree {
		if s.Test() {
			continue
		}
		p := packages[s.Dir()]
		if p == nil {
			p = &pkg{}
			packages[s.Dir()] = p
		}
		p.code = append(p.code, s.Path)
		if s.file.Doc != nil && strings.HasPrefix(s.file.Doc.Text(), "Package ") || s.file.Doc != nil && s.file.Name.Name == "main" {
			p.docs = append(p.docs, s.Path)
		}
	}
	var out []Finding
	for dir, p := range packages {
		switch {
		case len(p.docs) == 0:
			out = append(out, Finding{dir, "has no package comment; write doc.go: what it owns, its invariants, its goroutines, where to start"})
		case len(p.docs) > 1:
			slices.Sort(p.docs)
			out = append(out, Finding{dir, "has several package comments: " + strings.Join(p.docs, ", ")})
		}
	}
	slices.SortFunc(out, func(a, b Finding) int { return strings.Compare(a.Where, b.Where) })
	return out
}
