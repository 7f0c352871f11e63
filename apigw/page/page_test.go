// SPDX-License-Identifier: Apache-2.0

package page

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivecloud/hive/apigw/awserr"
)

func tokens(t testing.TB, key string) *Tokens {
	t.Helper()
	out, err := NewTokens([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func code(err error) string {
	var e *awserr.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func self(s string) string { return s }

// TestPagesAreStable reads pages while rows come and go: what was there throughout is seen exactly once, in order.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	tok := tokens(t, "0123456789abcdef")
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[a-e]{1,3}`)
		rows := rapid.SliceOfNDistinct(id, 0, 30, self).Draw(t, "rows")
		constant := slices.Clone(rows)
		size := int32(rapid.IntRange(1, 7).Draw(t, "size"))
		var seen []string
		var next *string
		for {
			var got []string
			var err error
			got, next, err = Cut(tok, "s", rows, self, Request{MaxResults: &size, NextToken: next}, Range{Min: 1, Max: 1000})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > int(size) || next != nil && len(got) != int(size) {
				t.Fatalf("page of %d, size %d, next %v", len(got), size, next)
			}
			seen = append(seen, got...)
			if next == nil {
				break
			}
			if added := id.Draw(t, "added"); !slices.Contains(rows, added) {
				rows = append(rows, added)
			}
			if len(rows) > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, len(rows)-1).Draw(t, "removed")
				constant = slices.DeleteFunc(constant, func(s string) bool { return s == rows[i] })
				rows = slices.Delete(slices.Clone(rows), i, i+1)
			}
		}
		if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			t.Fatalf("seen %v", seen)
		}
		for _, c := range constant {
			if !slices.Contains(seen, c) {
				t.Fatalf("%q was there throughout and not seen: %v", c, seen)
			}
		}
	})
}

func TestTokensAreBound(t *testing.T) {
	t.Parallel()
	a := tokens(t, "0123456789abcdef")
	token := a.Seal("account/ec2/DescribeX", "i-1")
	if last, ok := tokens(t, "0123456789abcdef").Open("account/ec2/DescribeX", token); !ok || last != "i-1" {
		t.Error("another node with the same key refuses the token")
	}
	if _, ok := a.Open("other/ec2/DescribeX", token); ok {
		t.Error("another account may use the token")
	}
	if _, ok := tokens(t, "another key of 16").Open("account/ec2/DescribeX", token); ok {
		t.Error("another key opens the token")
	}
	for i := range len(token) {
		b := []byte(token)
		b[i] ^= 1
		if _, ok := a.Open("account/ec2/DescribeX", string(b)); ok {
			t.Errorf("a token with another byte %d was accepted", i)
		}
	}
	// The boundary between scope and row is part of what is authenticated.
	if _, ok := a.Open("a", a.Seal("a\x00b", "c")); ok {
		t.Error("scopes run into rows")
	}
	if _, err := NewTokens(make([]byte, 15)); err == nil {
		t.Error("a short key was accepted")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	n := func(v int32) *int32 { return &v }
	bad := "made up"
	cases := []struct {
		name   string
		r      Request
		limits Range
		want   string
	}{
		{"none", Request{}, EC2, "<nil>"},
		{"smallest", Request{MaxResults: n(5)}, EC2, "<nil>"},
		{"largest", Request{MaxResults: n(1000)}, EC2, "<nil>"},
		{"too small", Request{MaxResults: n(4)}, EC2, "InvalidParameterValue"},
		{"negative", Request{MaxResults: n(-1)}, EC2, "InvalidParameterValue"},
		{"too large", Request{MaxResults: n(1001)}, EC2, "InvalidParameterValue"},
		{"too large but clamped", Request{MaxResults: n(1001)}, Range{Min: 5, Max: 1000, Clamp: true}, "<nil>"},
		{"with ids", Request{MaxResults: n(5), IDs: "instancesSet"}, EC2, "InvalidParameterCombination"},
		{"ids alone", Request{IDs: "instancesSet"}, EC2, "<nil>"},
		{"bad token", Request{NextToken: &bad}, EC2, "InvalidParameterValue"},
		{"too small in IAM", Request{MaxResults: n(0), Query: true}, IAM, "ValidationError"},
		{"too large in IAM", Request{MaxResults: n(1001), Query: true}, IAM, "ValidationError"},
		{"bad marker in IAM", Request{NextToken: &bad, Query: true}, IAM, "ValidationError"},
	}
	for _, c := range cases {
		_, _, err := Cut(tokens(t, "0123456789abcdef"), "s", []string{"b", "a"}, self, c.r, c.limits)
		if code(err) != c.want {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	tok := tokens(f, "0123456789abcdef")
	other := tokens(f, "fedcba9876543210")
	f.Add("s", tok.Seal("s", "i-1"))
	f.Add("", "")
	f.Add("s", "AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, scope, token string) {
		if last, ok := tok.Open(scope, token); ok && tok.Seal(scope, last) != token {
			t.Fatalf("%q opens and does not seal back", token)
		}
		if _, ok := other.Open(scope, token); ok && token != "" {
			if _, too := tok.Open(scope, token); too {
				t.Fatal("two keys open one token")
			}
		}
	})
}
