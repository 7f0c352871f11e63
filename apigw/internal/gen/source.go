// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// member is one field of a Go type on the wire.
type member struct {
	field string // Go field
	wire  string // parameter or element name
	call  string // the (de)serializer of its value, for lists, maps and structures
	flat  bool   // items follow the name directly, without an enclosing member or element
}

// source is what the SDK's own code says about the wire.
type source struct {
	actions   []string
	results   map[string]bool     // actions whose answer has an XResult element
	requests  map[string][]member // Go type ("types.Filter", "RunInstancesInput") to its request members
	responses map[string][]member
	reqItems  map[string]string // list or map serializer to the name of its items, e.g. "Filter", "entry"
	respItems map[string]string // list or map deserializer to the element of its items
}

var (
	serializer   = regexp.MustCompile(`^aws(?:Ec2query|Awsquery|Awsjson11)_serialize(?:OpDocument|Document)`)
	deserializer = regexp.MustCompile(`^aws(?:Ec2query|Awsquery|Awsjson11)_deserialize(?:OpDocument|Document)`)
)

// readSource reads the module in dir.
func readSource(dir string) (*source, error) {
	s := &source{results: map[string]bool{}, requests: map[string][]member{}, responses: map[string][]member{},
		reqItems: map[string]string{}, respItems: map[string]string{}}
	ops, err := filepath.Glob(filepath.Join(dir, "api_op_*.go"))
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	for _, op := range ops {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(op), "api_op_"), ".go")
		if !strings.HasSuffix(name, "_test") {
			s.actions = append(s.actions, name)
		}
	}
	slices.Sort(s.actions)
	if len(s.actions) == 0 {
		return nil, fmt.Errorf("no operations in %s", dir)
	}
	if err := eachFunc(filepath.Join(dir, "serializers.go"), s.readSerializer); err != nil {
		return nil, err
	}
	if err := eachFunc(filepath.Join(dir, "deserializers.go"), s.readDeserializer); err != nil {
		return nil, err
	}
	for _, a := range s.actions {
		if s.requests[a+"Input"] == nil { // an action without parameters has no serializer
			s.requests[a+"Input"] = []member{}
		}
	}
	return s, nil
}

func eachFunc(path string, read func(*ast.FuncDecl) error) error {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse SDK source: %w", err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if err := read(fn); err != nil {
			return fmt.Errorf("read %s: %w", fn.Name.Name, err)
		}
	}
	return nil
}

func (s *source) readSerializer(fn *ast.FuncDecl) error {
	if !serializer.MatchString(fn.Name.Name) {
		return nil
	}
	switch t := fn.Type.Params.List[0].Type.(type) {
	case *ast.ArrayType:
		if documents(fn) {
			s.reqItems[fn.Name.Name] = "member"
			return nil
		}
		return s.readListSerializer(fn)
	case *ast.MapType:
		s.reqItems[fn.Name.Name] = "entry"
		if documents(fn) {
			return nil
		}
		return expectCall(fn, "Map", "key", "value")
	case *ast.StarExpr:
		name := typeName(t.X)
		for _, st := range fn.Body.List {
			if m, ok := requestMember(st); ok {
				s.requests[name] = append(s.requests[name], m)
			}
		}
		if s.requests[name] == nil {
			s.requests[name] = []member{}
		}
		return nil
	case *ast.SelectorExpr:
		// A union: an interface with one Go type per choice. Its members stay out of the table, so that a request
		// which carries one is refused by name.
		return nil
	}
	return fmt.Errorf("unexpected parameter %T", fn.Type.Params.List[0].Type)
}

// documents reports whether a function is of the JSON protocol, whose lists and maps have no names of their own. The
// table gives them those of the query protocol, so that one decoder reads both.
func documents(fn *ast.FuncDecl) bool { return strings.HasPrefix(fn.Name.Name, "awsAwsjson11_") }

func (s *source) readListSerializer(fn *ast.FuncDecl) error {
	item := ""
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if sel, args := methodCall(n, "value"); sel == "Array" && len(args) == 1 {
			item = args[0]
		}
		return true
	})
	if item == "" {
		return fmt.Errorf("no array in list serializer")
	}
	s.reqItems[fn.Name.Name] = item
	return nil
}

// requestMember reads "if v.F != nil { objectKey := object.Key("W"); ... }" and its unconditional form.
func requestMember(st ast.Stmt) (member, bool) {
	var m member
	ast.Inspect(st, func(n ast.Node) bool {
		if f := fieldOf(n, "v"); f != "" && m.field == "" {
			m.field = f
		}
		if sel, args := methodCall(n, "object"); (sel == "Key" || sel == "FlatKey") && len(args) == 1 {
			m.wire, m.flat = args[0], sel == "FlatKey"
		}
		if name := plainCall(n); serializer.MatchString(name) {
			m.call = name
		}
		return true
	})
	return m, m.field != "" && m.wire != ""
}

func (s *source) readDeserializer(fn *ast.FuncDecl) error {
	name := fn.Name.Name
	if fn.Recv != nil && name == "HandleDeserialize" {
		s.readResult(fn)
		return nil
	}
	if !deserializer.MatchString(name) || strings.HasSuffix(name, "Unwrapped") {
		return nil
	}
	star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return fmt.Errorf("unexpected parameter %T", fn.Type.Params.List[0].Type)
	}
	switch t := star.X.(type) {
	case *ast.ArrayType, *ast.MapType:
		if documents(fn) {
			s.respItems[name] = "member"
			return nil
		}
		if wires := caseNames(fn.Body); len(wires) == 1 {
			s.respItems[name] = wires[0]
			return nil
		}
		return fmt.Errorf("list or map deserializer without one item element")
	case *ast.StarExpr:
		return s.readStructDeserializer(typeName(t.X), fn)
	case *ast.SelectorExpr: // a union, as above
		return nil
	}
	return fmt.Errorf("unexpected parameter %T", star.X)
}

func (s *source) readStructDeserializer(typ string, fn *ast.FuncDecl) error {
	members := []member{}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		cc, ok := n.(*ast.CaseClause)
		if !ok || len(cc.List) != 1 {
			return true
		}
		m := member{wire: foldName(cc.List[0])}
		if documents(fn) {
			m.wire = literal(cc.List[0])
		}
		for _, st := range cc.Body {
			ast.Inspect(st, func(n ast.Node) bool {
				if f := fieldOf(n, "sv"); f != "" && m.field == "" {
					m.field = f
				}
				if name := plainCall(n); deserializer.MatchString(name) && m.call == "" {
					m.call = strings.TrimSuffix(name, "Unwrapped")
					m.flat = m.call != name
				}
				return true
			})
		}
		if m.field != "" && m.wire != "" {
			members = append(members, m)
		}
		return true
	})
	s.responses[typ] = members
	return nil
}

// readResult notes the actions whose answer is wrapped in an XResult element.
func (s *source) readResult(fn *ast.FuncDecl) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if sel, args := methodCall(n, "decoder"); sel == "GetElement" && len(args) == 1 {
			s.results[strings.TrimSuffix(args[0], "Result")] = true
		}
		return true
	})
}

// caseNames are the element names that a deserializer switches on.
func caseNames(body *ast.BlockStmt) []string {
	var out []string
	ast.Inspect(body, func(n ast.Node) bool {
		if cc, ok := n.(*ast.CaseClause); ok && len(cc.List) == 1 {
			if name := foldName(cc.List[0]); name != "" {
				out = append(out, name)
			}
		}
		return true
	})
	return out
}

// foldName is the W of strings.EqualFold("W", ...).
func foldName(n ast.Node) string {
	if sel, args := methodCall(n, "strings"); sel == "EqualFold" && len(args) > 0 {
		return args[0]
	}
	return ""
}

// literal is a string constant.
func literal(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	v, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return v
}

// methodCall recognizes recv.Method("a", "b") and returns the method and its leading literal arguments.
func methodCall(n ast.Node, recv string) (string, []string) {
	c, ok := n.(*ast.CallExpr)
	if !ok {
		return "", nil
	}
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", nil
	}
	if id, ok := sel.X.(*ast.Ident); !ok || id.Name != recv {
		return "", nil
	}
	var args []string
	for _, a := range c.Args {
		lit, ok := a.(*ast.BasicLit)
		if !ok {
			break
		}
		v, err := strconv.Unquote(lit.Value)
		if err != nil {
			break
		}
		args = append(args, v)
	}
	return sel.Sel.Name, args
}

// plainCall is the name of a call of a package-level function.
func plainCall(n ast.Node) string {
	if c, ok := n.(*ast.CallExpr); ok {
		if id, ok := c.Fun.(*ast.Ident); ok {
			return id.Name
		}
	}
	return ""
}

// fieldOf is the F of recv.F.
func fieldOf(n ast.Node, recv string) string {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if id, ok := sel.X.(*ast.Ident); ok && id.Name == recv {
		return sel.Sel.Name
	}
	return ""
}

// typeName is "types.T" or "T".
func typeName(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.SelectorExpr:
		return "types." + t.Sel.Name
	}
	return ""
}

// expectCall fails when fn does not call value.method with exactly these literals: the SDK's generator changed.
func expectCall(fn *ast.FuncDecl, method string, want ...string) error {
	found := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if sel, args := methodCall(n, "value"); sel == method && slices.Equal(args, want) {
			found = true
		}
		return true
	})
	if !found {
		return fmt.Errorf("no value.%s(%q)", method, want)
	}
	return nil
}
