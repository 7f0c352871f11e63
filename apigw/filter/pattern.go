// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"strings"
	"unicode/utf8"
)

// pattern is a filter value. Without wildcards it is compared as a whole.
type pattern struct {
	literal string
	parts   []part // nil: no wildcards
}

// part is one character of a pattern with wildcards.
type part struct {
	char rune
	any  bool // '*': any text, also none
	one  bool // '?': any one character
}

func compile(value string) pattern {
	if !strings.ContainsAny(value, `*?\`) {
		return pattern{literal: value}
	}
	var parts []part
	wild, escaped := false, false
	for _, c := range value {
		switch {
		case escaped:
			parts = append(parts, part{char: c})
			escaped = false
		case c == '\\':
			escaped = true
		case c == '*':
			wild = true
			if n := len(parts); n == 0 || !parts[n-1].any {
				parts = append(parts, part{any: true})
			}
		case c == '?':
			wild = true
			parts = append(parts, part{one: true})
		default:
			parts = append(parts, part{char: c})
		}
	}
	if escaped { // a backslash at the end stands for itself
		parts = append(parts, part{char: '\\'})
	}
	if wild {
		return pattern{parts: parts}
	}
	var literal strings.Builder
	for _, p := range parts {
		literal.WriteRune(p.char)
	}
	return pattern{literal: literal.String()}
}

// match walks text and pattern together. On a mismatch it goes back to the latest '*' and lets it take one character
// more; an earlier '*' never needs another try, so the work is at most len(text) times len(pattern).
func (p pattern) match(text string) bool {
	if p.parts == nil {
		return p.literal == text
	}
	i, star, mark := 0, -1, 0
	for pos := 0; pos < len(text); {
		c, size := utf8.DecodeRuneInString(text[pos:])
		switch {
		case i < len(p.parts) && p.parts[i].any:
			star, mark = i, pos
			i++
		case i < len(p.parts) && (p.parts[i].one || p.parts[i].char == c):
			i++
			pos += size
		case star >= 0:
			_, skip := utf8.DecodeRuneInString(text[mark:])
			mark += skip
			pos, i = mark, star+1
		default:
			return false
		}
	}
	for i < len(p.parts) && p.parts[i].any {
		i++
	}
	return i == len(p.parts)
}
