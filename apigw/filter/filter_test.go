// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/apigw/awserr"
)

type row struct {
	name string
	size int
	on   bool
	tags map[string]string
}

var set = Set[row]{
	"name": func(r row) []string { return One(r.name) },
	"size": func(r row) []string { return Number(r.size) },
	"on":   func(r row) []string { return Bool(r.on) },
}.WithTags(func(r row) map[string]string { return r.tags })

var rows = []row{
	{"alpha", 1, true, map[string]string{"Env": "prod", "empty": ""}},
	{"beta", 2, false, map[string]string{"Env": "dev"}},
	{"", 10, false, nil},
	{"a*b", 3, true, nil},
}

func TestMatch(t *testing.T) {
	t.Parallel()
	f := func(name string, values ...string) Filter { return Filter{name, values} }
	cases := []struct {
		filters []Filter
		want    []int // sizes
	}{
		{nil, []int{1, 2, 10, 3}},
		{[]Filter{f("name", "alpha")}, []int{1}},
		{[]Filter{f("name", "ALPHA")}, nil},
		{[]Filter{f("name", "alpha", "beta")}, []int{1, 2}},
		{[]Filter{f("name", "al*")}, []int{1}},
		{[]Filter{f("name", "*a")}, []int{1, 2}},
		{[]Filter{f("name", "*")}, []int{1, 2, 3}},
		{[]Filter{f("name", "bet?")}, []int{2}},
		{[]Filter{f("name", "bet??")}, nil},
		{[]Filter{f("name", `a\*b`)}, []int{3}},
		{[]Filter{f("name", `a*b`)}, []int{3}},
		{[]Filter{f("name", "*", "x"), f("size", "1")}, []int{1}},
		{[]Filter{f("size", "1*")}, []int{1, 10}},
		{[]Filter{f("size", "01")}, nil},
		{[]Filter{f("on", "true")}, []int{1, 3}},
		{[]Filter{f("tag:Env", "prod", "dev")}, []int{1, 2}},
		{[]Filter{f("tag:env", "prod")}, nil},
		{[]Filter{f("tag:empty", "")}, []int{1}},
		{[]Filter{f("tag:Env", "")}, nil},
		{[]Filter{f("tag-key", "E*")}, []int{1, 2}},
		{[]Filter{f("tag:Env", "*"), f("tag-key", "empty")}, []int{1}},
		{[]Filter{f("tag:Env", "*"), f("tag:Env", "dev")}, []int{2}},
	}
	for _, c := range cases {
		m, err := set.Parse(c.filters)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, r := range rows {
			if m.Match(r) {
				got = append(got, r.size)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: got %v, want %v", c.filters, got, c.want)
		}
	}
}

func TestParseRefusals(t *testing.T) {
	t.Parallel()
	cases := []struct {
		filter  Filter
		code    string
		message string
	}{
		{Filter{"colour", []string{"x"}}, "InvalidParameterValue", "The filter 'colour' is invalid"},
		{Filter{"Name", []string{"x"}}, "InvalidParameterValue", "The filter 'Name' is invalid"},
		{Filter{"", []string{"x"}}, "MissingParameter", ""},
		{Filter{"name", nil}, "InvalidParameterValue", ""},
		{Filter{"name", make([]string, 201)}, "FilterLimitExceeded", "200"},
		{Filter{strings.Repeat("x", 5000), []string{"x"}}, "InvalidParameterValue", "..."},
	}
	for _, c := range cases {
		_, err := set.Parse([]Filter{c.filter})
		var e *awserr.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.message) || len(e.Message) > 300 {
			t.Errorf("%.30s: got %v", c.filter.Name, err)
		}
	}
	if _, err := (Set[row]{}).Parse([]Filter{{"tag:x", []string{"y"}}}); err == nil {
		t.Error("a set without tags took a tag filter")
	}
}

// TestPatternIsLikeRegexp compares with the regular expression that means the same.
func TestPatternIsLikeRegexp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[ab*?\\é]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab*?\\é]{0,8}`).Draw(t, "text")
		var re strings.Builder
		escaped := false
		for _, c := range value {
			switch {
			case !escaped && c == '\\':
				escaped = true
				continue
			case !escaped && c == '*':
				re.WriteString(`.*`)
			case !escaped && c == '?':
				re.WriteString(`.`)
			default:
				re.WriteString(regexp.QuoteMeta(string(c)))
			}
			escaped = false
		}
		if escaped {
			re.WriteString(`\\`)
		}
		want := regexp.MustCompile(`(?s)^` + re.String() + `$`).MatchString(text)
		if got := compile(value).match(text); got != want {
			t.Fatalf("%q on %q: got %v, want %v", value, text, got, want)
		}
	})
}

// TestPatternIsNotExponential would not end with a backtracking matcher.
func TestPatternIsNotExponential(t *testing.T) {
	t.Parallel()
	if compile(strings.Repeat("*a", 200) + "*b").match(strings.Repeat("a", 20_000)) {
		t.Error("matched")
	}
}
