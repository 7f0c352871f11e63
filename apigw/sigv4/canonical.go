// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pair is a query parameter, percent-decoded.
type pair struct{ name, value string }

type query []pair

func (q query) get(name string) (string, bool) {
	for _, p := range q {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

func parseQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	var q query
	for item := range strings.SplitSeq(raw, "&") {
		if item == "" {
			continue
		}
		name, value, _ := strings.Cut(item, "=")
		n, ok1 := unescape(name)
		v, ok2 := unescape(value)
		if !ok1 || !ok2 {
			return nil, refuse(Malformed, "The query string contains a syntax error")
		}
		q = append(q, pair{n, v})
	}
	return q, nil
}

func unescape(s string) (string, bool) {
	if !strings.ContainsAny(s, "%+") {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b = append(b, byte(n))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), true
}

const upperHex = "0123456789ABCDEF"

// appendEscaped encodes as the signature demands: everything but unreserved characters, and '/' only in queries.
func appendEscaped(b []byte, s string, keepSlash bool) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' || c == '/' && keepSlash {
			b = append(b, c)
			continue
		}
		b = append(b, '%', upperHex[c>>4], upperHex[c&15])
	}
	return b
}

// appendCanonical appends the canonical request.
func (s *Signature) appendCanonical(b []byte, r *http.Request, payloadHash string, o Options) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, '\n')
	switch {
	case r.URL.Path == "" || r.URL.Path == "/":
		b = append(b, '/')
	case o.SingleEncode:
		b = appendEscaped(b, r.URL.Path, true)
	default:
		b = appendEscaped(b, r.URL.EscapedPath(), true)
	}
	b = append(b, '\n')
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	b = appendQuery(b, q, s.Presigned)
	b = append(b, '\n')
	for _, name := range s.SignedHeaders {
		b = append(b, name...)
		b = append(b, ':')
		b = appendHeader(b, r, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, strings.Join(s.SignedHeaders, ";")...)
	b = append(b, '\n')
	return append(b, payloadHash...), nil
}

// appendQuery appends the parameters sorted by encoded name, then encoded value.
func appendQuery(b []byte, q query, presigned bool) []byte {
	encoded := make([]pair, 0, len(q))
	for _, p := range q {
		if presigned && p.name == "X-Amz-Signature" {
			continue
		}
		encoded = append(encoded, pair{string(appendEscaped(nil, p.name, false)), string(appendEscaped(nil, p.value, false))})
	}
	slices.SortFunc(encoded, func(x, y pair) int {
		return cmp.Or(strings.Compare(x.name, y.name), strings.Compare(x.value, y.value))
	})
	for i, p := range encoded {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.name...)
		b = append(b, '=')
		b = append(b, p.value...)
	}
	return b
}

// appendHeader appends a header's values, joined by commas, with runs of spaces made one.
func appendHeader(b []byte, r *http.Request, name string) []byte {
	switch {
	case name == "host":
		return append(b, r.Host...)
	case name == "content-length" && len(r.Header.Values(name)) == 0:
		return strconv.AppendInt(b, max(r.ContentLength, 0), 10)
	}
	for i, v := range r.Header.Values(name) {
		if i > 0 {
			b = append(b, ',')
		}
		v = strings.Trim(v, " \t")
		space := false
		for j := range len(v) {
			c := v[j]
			if c == ' ' && space {
				continue
			}
			space = c == ' '
			b = append(b, c)
		}
	}
	return b
}
