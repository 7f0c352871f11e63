// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Finding is one broken rule.
type Finding struct {
	Where string // path or path:line
	What  string
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// Source is one Go file.
type Source struct {
	Path string // from the root of the tree, with slashes
	Text string

	fset *token.FileSet
	file *ast.File
}

// Parse makes a Source of text.
func Parse(path, text string) (*Source, error) {
	s := &Source{Path: path, Text: text, fset: token.NewFileSet()}
	var err error
	if s.file, err = parser.ParseFile(s.fset, path, text, parser.ParseComments); err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	return s, nil
}

var generatedForm = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// Generated tells whether a tool wrote the file.
func (s *Source) Generated() bool { return generatedForm.MatchString(s.Text) }

// Test tells whether the file is only compiled for tests.
func (s *Source) Test() bool { return strings.HasSuffix(s.Path, "_test.go") }

// Dir is the directory of the file.
func (s *Source) Dir() string {
	if i := strings.LastIndexByte(s.Path, '/'); i >= 0 {
		return s.Path[:i]
	}
	return "."
}

func (s *Source) finding(at ast.Node, format string, args ...any) Finding {
	return Finding{fmt.Sprintf("%s:%d", s.Path, s.fset.Position(at.Pos()).Line), fmt.Sprintf(format, args...)}
}

// ReadTree parses every Go file below root. Hidden directories, testdata and
// node_modules hold no code of ours.
func ReadTree(root string) ([]*Source, error) {
	var out []*Source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		s, err := Parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	return out, nil
}
