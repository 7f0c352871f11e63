// SPDX-License-Identifier: Apache-2.0

package xmltext

import "unicode/utf8"

// plain marks the bytes that stand for themselves in character data.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = true
	}
	t['\t'], t['\n'] = true, true
	t['&'], t['<'], t['>'], t['"'], t[0x7f] = false, false, false, false, true
	return t
}()

// Append appends s as XML 1.0 character data. Markup is escaped, a carriage return is written as a character
// reference (a parser would turn it into a line feed), and what XML cannot hold (control characters, invalid UTF-8)
// becomes U+FFFD.
func Append(b []byte, s string) []byte {
	start, i := 0, 0
	for i < len(s) && plain[s[i]] {
		i++
	}
	if i == len(s) {
		return append(b, s...)
	}
	for i < len(s) {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		size, replacement := 1, ""
		switch c {
		case '&':
			replacement = "&amp;"
		case '<':
			replacement = "&lt;"
		case '>':
			replacement = "&gt;"
		case '"':
			replacement = "&#34;"
		case '\r':
			replacement = "&#xD;"
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if legal(r, size) {
				i += size
				continue
			}
			replacement = "\uFFFD"
		}
		b = append(b, s[start:i]...)
		b = append(b, replacement...)
		i += size
		start = i
	}
	return append(b, s[start:]...)
}

// legal reports whether XML 1.0 section 2.2 allows the character.
func legal(r rune, size int) bool {
	if r == utf8.RuneError && size == 1 {
		return false
	}
	return r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}
