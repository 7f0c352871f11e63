// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"fmt"
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
)

// MaxValues is AWS's limit of values of all filters of one request.
const MaxValues = 200

// Filter is one filter as the caller sent it.
type Filter struct {
	Name   string
	Values []string
}

// Set declares the filters of an action over rows of type R: name to the row's values. A row without a value for the
// name returns nil. Booleans are "true" and "false", numbers decimal, times as in the answer.
type Set[R any] map[string]func(R) []string

// One is the value list of a single value; empty for the empty string, which a row has not got.
func One(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

// Bool is the value list of a boolean.
func Bool(v bool) []string { return []string{fmt.Sprint(v)} }

// Number is the value list of a number.
func Number[N ~int | ~int32 | ~int64](v N) []string { return []string{fmt.Sprint(v)} }

// WithTags adds tag:KEY and tag-key to a set. tags returns a row's tags as a map.
func (s Set[R]) WithTags(tags func(R) map[string]string) Tagged[R] {
	return Tagged[R]{set: s, tags: tags}
}

// Tagged is a Set whose rows have tags.
type Tagged[R any] struct {
	set  Set[R]
	tags func(R) map[string]string
}

// Matcher decides which rows pass. The zero Matcher passes every row.
type Matcher[R any] struct {
	terms []term[R]
}

type term[R any] struct {
	values   func(R) []string
	patterns []pattern
}

// Parse checks filters against the set: an unknown name, no values or too many are refused.
// A name that is sent twice is two filters, joined by and like any others.
func (s Set[R]) Parse(filters []Filter) (Matcher[R], error) {
	return parse(filters, func(name string) func(R) []string { return s[name] })
}

// Parse checks filters against the set and the tag filters.
func (t Tagged[R]) Parse(filters []Filter) (Matcher[R], error) {
	return parse(filters, func(name string) func(R) []string {
		if key, ok := strings.CutPrefix(name, "tag:"); ok {
			return func(r R) []string {
				if v, has := t.tags(r)[key]; has {
					return []string{v}
				}
				return nil
			}
		}
		if name == "tag-key" {
			return func(r R) []string {
				var keys []string
				for k := range t.tags(r) {
					keys = append(keys, k)
				}
				return keys
			}
		}
		return t.set[name]
	})
}

func parse[R any](filters []Filter, lookup func(string) func(R) []string) (Matcher[R], error) {
	var m Matcher[R]
	total := 0
	for _, f := range filters {
		if f.Name == "" {
			return m, awserr.MissingParameter("Filter.Name")
		}
		values := lookup(f.Name)
		if values == nil {
			return m, awserr.InvalidParameterValue("The filter '%s' is invalid", clip(f.Name))
		}
		if len(f.Values) == 0 {
			return m, awserr.InvalidParameterValue("The filter '%s' has no values", f.Name)
		}
		if total += len(f.Values); total > MaxValues {
			return m, awserr.New("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", MaxValues)
		}
		t := term[R]{values: values}
		for _, v := range f.Values {
			t.patterns = append(t.patterns, compile(v))
		}
		m.terms = append(m.terms, t)
	}
	return m, nil
}

// Match reports whether the row passes every filter.
func (m Matcher[R]) Match(row R) bool {
	for _, t := range m.terms {
		if !t.match(row) {
			return false
		}
	}
	return true
}

func (t term[R]) match(row R) bool {
	for _, v := range t.values(row) {
		for _, p := range t.patterns {
			if p.match(v) {
				return true
			}
		}
	}
	return false
}

func clip(s string) string {
	if len(s) <= 128 {
		return s
	}
	return s[:128] + "..."
}
