// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hivecloud/hive/apigw/awserr"
)

func code(err error) string {
	var e *awserr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func many(n int) []Tag {
	var out []Tag
	for i := range n {
		out = append(out, Tag{Key: fmt.Sprint(i)})
	}
	return out
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		set  []Tag
		code string
	}{
		{"none", nil, ""},
		{"plain", []Tag{{"Name", "web"}, {"name", ""}}, ""},
		{"longest, in characters", []Tag{{strings.Repeat("é", 128), strings.Repeat("é", 256)}}, ""},
		{"as many as allowed", many(50), ""},
		{"one more", many(51), "TagLimitExceeded"},
		{"no key", []Tag{{"", "x"}}, "InvalidParameterValue"},
		{"long key", []Tag{{strings.Repeat("k", 129), ""}}, "InvalidParameterValue"},
		{"long value", []Tag{{"k", strings.Repeat("v", 257)}}, "InvalidParameterValue"},
		{"reserved", []Tag{{"aws:x", ""}}, "InvalidParameterValue"},
		{"reserved in capitals", []Tag{{"AWS:x", ""}}, "InvalidParameterValue"},
		{"not reserved", []Tag{{"aws", ""}, {"awsx:y", ""}}, ""},
		{"twice", []Tag{{"a", "1"}, {"a", "2"}}, "InvalidParameterValue"},
		{"not text", []Tag{{"a", "\xff"}}, "InvalidParameterValue"},
	}
	for _, c := range cases {
		if got := code(Check(c.set)); got != c.code {
			t.Errorf("%s: got %q, want %q", c.name, got, c.code)
		}
	}
}

func TestByType(t *testing.T) {
	t.Parallel()
	a, b := []Tag{{"a", "1"}}, []Tag{{"b", "2"}}
	got, err := ByType([]Specification{{"instance", a}, {"volume", b}}, "instance", "volume")
	if diff := cmp.Diff(map[string][]Tag{"instance": a, "volume": b}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for name, specs := range map[string][]Specification{
		"other type": {{"vpc", a}}, "no type": {{"", a}}, "type twice": {{"instance", a}, {"instance", b}},
		"no tags": {{"instance", nil}}, "bad tag": {{"instance", []Tag{{"", ""}}}},
	} {
		if _, err := ByType(specs, "instance", "volume"); code(err) != "InvalidParameterValue" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
