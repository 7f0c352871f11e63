// SPDX-License-Identifier: Apache-2.0

package xmltext

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                   "",
		"plain é \u2028 😀":   "plain é \u2028 😀",
		"a&b<c>d\"e'":        "a&amp;b&lt;c&gt;d&#34;e'",
		"&":                  "&amp;",
		"\t\n\r":             "\t\n&#xD;",
		"\x00\x1f\x7f":       "\uFFFD\uFFFD\x7f",
		"\xff\xc3(":          "\uFFFD\uFFFD(",
		"\uFFFE\uFFFF\uFFFD": "\uFFFD\uFFFD\uFFFD",
		"]]>":                "]]&gt;",
	} {
		if got := string(Append(nil, in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzAppend reads back with the standard library: valid text survives, anything else still is a document.
func FuzzAppend(f *testing.F) {
	f.Add("a&b<\r\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		doc := "<x>" + string(Append(nil, s)) + "</x>"
		var got string
		if err := xml.Unmarshal([]byte(doc), &got); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		legalText := utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
			return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
		})
		if legalText && got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}
