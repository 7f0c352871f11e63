// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Limits of a form. The body limit of the gateway (1 MiB) stands before them; they bound work per byte.
const (
	MaxParams    = 20_000 // parameters of one request
	MaxNameBytes = 512    // length of a parameter's name
)

// Pair is one parameter as it was sent, percent-decoded.
type Pair struct{ Name, Value string }

// Form is the parameters of a request in the order in which they were sent.
type Form []Pair

// ParseForm reads an application/x-www-form-urlencoded body or a query string.
func ParseForm(raw string) (Form, error) {
	if n := strings.Count(raw, "&") + 1; n > MaxParams {
		return nil, awserr.New("RequestEntityTooLarge", "The request has %d parameters; at most %d are accepted", n, MaxParams)
	}
	form := make(Form, 0, min(strings.Count(raw, "&")+1, 64))
	for raw != "" {
		var item string
		item, raw, _ = strings.Cut(raw, "&")
		if item == "" {
			continue
		}
		name, value, _ := strings.Cut(item, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		if len(name) > MaxNameBytes {
			return nil, awserr.New("MalformedQueryString", "The parameter name %s... is too long", name[:32])
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		form = append(form, Pair{name, value})
	}
	return form, nil
}

// unescape decodes percent escapes and '+'. It returns its argument when there is nothing to decode.
func unescape(s string) (string, error) {
	first := strings.IndexAny(s, "%+")
	if first < 0 {
		return s, nil
	}
	b := make([]byte, first, len(s))
	copy(b, s)
	for i := first; i < len(s); i++ {
		switch s[i] {
		case '+':
			b = append(b, ' ')
		case '%':
			hi, lo := -1, -1
			if i+2 < len(s) {
				hi, lo = unhex(s[i+1]), unhex(s[i+2])
			}
			if hi < 0 || lo < 0 {
				return "", awserr.New("MalformedQueryString", "The query string contains a syntax error")
			}
			b = append(b, byte(hi<<4|lo))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), nil
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Take removes every parameter of that name and returns the value of the only one; sent twice is an error.
func (f *Form) Take(name string) (string, error) {
	value, found := "", false
	rest := (*f)[:0]
	for _, p := range *f {
		if p.Name != name {
			rest = append(rest, p)
			continue
		}
		if found {
			return "", duplicate(name)
		}
		value, found = p.Value, true
	}
	*f = rest
	return value, nil
}

func duplicate(name string) *awserr.Error {
	return awserr.New("InvalidParameterCombination", "The parameter %s was specified more than once", name)
}
