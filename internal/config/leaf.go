// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// leaf is one argument of one block: the place it is stored in and its tags.
type leaf struct {
	block, key string
	field      reflect.Value
	tag        reflect.StructTag
}

// path is the leaf's full name, such as compute.accel.
func (l leaf) path() string { return l.block + "." + l.key }

// env is the leaf's environment variable, such as HIVE_COMPUTE_ACCEL.
func (l leaf) env() string { return "HIVE_" + strings.ToUpper(l.block+"_"+l.key) }

// leaves lists every argument of c in schema order. Setting a leaf's field
// sets the configuration.
func leaves(c *Config) []leaf {
	var out []leaf
	root := reflect.ValueOf(c).Elem()
	for i := range root.NumField() {
		block := root.Type().Field(i).Tag.Get("hcl")
		if block == "" {
			continue
		}
		body := root.Field(i)
		for j := range body.NumField() {
			tag := body.Type().Field(j).Tag
			out = append(out, leaf{block: block, key: tag.Get("hcl"), field: body.Field(j), tag: tag})
		}
	}
	return out
}

// setText reads the leaf's value from the one-line syntax of defaults, the
// environment and flags.
func (l leaf) setText(s string) error {
	switch l.field.Kind() {
	case reflect.Slice:
		list := reflect.MakeSlice(l.field.Type(), 0, 0)
		for _, word := range splitList(s) {
			v, err := l.scalar(l.field.Type().Elem(), word)
			if err != nil {
				return fmt.Errorf("%s: %w", word, err)
			}
			list = reflect.Append(list, v)
		}
		l.field.Set(list)
		return nil
	case reflect.Map:
		m := map[string]string{}
		for _, word := range splitList(s) {
			k, v, ok := strings.Cut(word, "=")
			if !ok {
				return fmt.Errorf("%s: write key=value pairs separated by commas", word)
			}
			m[k] = v
		}
		l.field.Set(reflect.ValueOf(m))
		return nil
	}
	v, err := l.scalar(l.field.Type(), s)
	if err != nil {
		return err
	}
	l.field.Set(v)
	return nil
}

// scalar parses one value and checks the leaf's bounds and words.
func (l leaf) scalar(t reflect.Type, s string) (reflect.Value, error) {
	v, err := parseScalar(t, s)
	if err != nil {
		return v, err
	}
	if words := l.tag.Get("oneof"); words != "" && !slices.Contains(strings.Split(words, ","), s) {
		return v, fmt.Errorf("%q is not one of %s%s", s, strings.ReplaceAll(words, ",", ", "), didYouMean(s, strings.Split(words, ",")))
	}
	return v, l.checkBounds(t, v)
}

// checkBounds compares v with the min and max tags.
func (l leaf) checkBounds(t reflect.Type, v reflect.Value) error {
	if text := l.tag.Get("min"); text != "" && less(v, mustParse(t, text)) {
		return fmt.Errorf("%s is below the least value, %s", format(v), text)
	}
	if text := l.tag.Get("max"); text != "" && less(mustParse(t, text), v) {
		return fmt.Errorf("%s is above the greatest value, %s", format(v), text)
	}
	return nil
}

func mustParse(t reflect.Type, s string) reflect.Value {
	v, err := parseScalar(t, s)
	if err != nil {
		panic(fmt.Sprintf("config: bound %q of a %s: %v", s, t, err))
	}
	return v
}

func less(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float64:
		return a.Float() < b.Float()
	case reflect.Uint64:
		return a.Uint() < b.Uint()
	default:
		return a.Int() < b.Int()
	}
}

// setExpr reads the leaf's value from an HCL expression. Each element of a list
// or object that is wrong gets its own diagnostic at its own place.
func (l leaf) setExpr(expr hcl.Expression) hcl.Diagnostics {
	switch l.field.Kind() {
	case reflect.Slice:
		return l.setList(expr)
	case reflect.Map:
		return l.setMap(expr)
	}
	v, diags := l.exprScalar(l.field.Type(), expr)
	if !diags.HasErrors() {
		l.field.Set(v)
	}
	return diags
}

func (l leaf) setList(expr hcl.Expression) hcl.Diagnostics {
	items, diags := hcl.ExprList(expr)
	if diags.HasErrors() {
		return hcl.Diagnostics{l.invalid(expr, `a list is required, such as ["a", "b"]`)}
	}
	list := reflect.MakeSlice(l.field.Type(), 0, len(items))
	for _, item := range items {
		v, more := l.exprScalar(l.field.Type().Elem(), item)
		diags = append(diags, more...)
		if !more.HasErrors() {
			list = reflect.Append(list, v)
		}
	}
	l.field.Set(list)
	return diags
}

func (l leaf) setMap(expr hcl.Expression) hcl.Diagnostics {
	pairs, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return hcl.Diagnostics{l.invalid(expr, `an object is required, such as { rack = "r1" }`)}
	}
	m := map[string]string{}
	for _, pair := range pairs {
		k, more := l.exprScalar(reflect.TypeFor[string](), pair.Key)
		v, evenMore := l.exprScalar(reflect.TypeFor[string](), pair.Value)
		diags = append(append(diags, more...), evenMore...)
		if !more.HasErrors() && !evenMore.HasErrors() {
			m[k.String()] = v.String()
		}
	}
	l.field.Set(reflect.ValueOf(m))
	return diags
}

// exprScalar evaluates expr, which may use no variables or functions, and
// parses it as type t. HCL types are kept apart: "4" is not a number, and a
// bare number is not a duration.
func (l leaf) exprScalar(t reflect.Type, expr hcl.Expression) (reflect.Value, hcl.Diagnostics) {
	val, diags := expr.Value(nil)
	if diags.HasErrors() {
		return reflect.Value{}, diags
	}
	want, words := cty.String, "a text in quotes is required"
	switch {
	case t == typeBytes && val.Type() == cty.Number:
		want = cty.Number
	case t == typeDuration:
		words = `a duration in quotes is required, such as "30s"`
	case t == typeBytes:
		words = `an amount is required, such as "4GiB"`
	case t.Kind() == reflect.Bool:
		want, words = cty.Bool, "true or false is required, without quotes"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Float64:
		want, words = cty.Number, "a number is required, without quotes"
	}
	if val.IsNull() || !val.IsKnown() || val.Type() != want {
		return reflect.Value{}, hcl.Diagnostics{l.invalid(expr, words)}
	}
	v, err := l.scalar(t, ctyText(val))
	if err != nil {
		return v, hcl.Diagnostics{l.invalid(expr, err.Error())}
	}
	return v, nil
}

func ctyText(v cty.Value) string {
	switch v.Type() {
	case cty.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	case cty.Number:
		return v.AsBigFloat().Text('f', -1)
	default:
		return v.AsString()
	}
}

func (l leaf) invalid(expr hcl.Expression, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Invalid value for " + l.path(),
		Detail:   sentence(detail),
		Subject:  expr.Range().Ptr(),
	}
}

// splitList cuts a comma-separated list; empty text is the empty list.
func splitList(s string) []string {
	var out []string
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sentence makes a diagnostic's detail out of an error text.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}
