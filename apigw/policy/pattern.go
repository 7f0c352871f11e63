// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"unicode/utf8"
)

// element is one step of a pattern: a byte below 0x100, a wildcard, or a variable.
type element = uint16

const (
	star     element = 0x100 // any number of characters
	one      element = 0x101 // exactly one
	firstVar element = 0x200 // plus the index into pattern.variables
	maxVars          = 64    // a pattern with more is refused
)

// form is how a pattern can be compared; most need no search.
type form uint8

const (
	formAny    form = iota // "*"
	formExact              // no wildcard
	formPrefix             // text, then "*"
	formGlob               // anything else without variables
	formVars               // has variables: expanded for each request
)

// variable is "${key}" or "${key, 'default'}".
type variable struct {
	key      string // in lower case
	written  string
	fallback string
	has      bool // a default was written
}

// pattern is a text with wildcards and variables, compiled.
type pattern struct {
	form      form
	text      string // of formExact and formPrefix
	elements  []element
	variables []variable
}

// options of compilePattern.
type patternOptions struct {
	wildcards bool // "*" and "?" mean something
	variables bool // "${...}" means something
}

// compilePattern reads a pattern; false when a variable in it is not one.
func compilePattern(text string, o patternOptions) (pattern, bool) {
	var p pattern
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*' && o.wildcards:
			p.elements = append(p.elements, star)
		case c == '?' && o.wildcards:
			p.elements = append(p.elements, one)
		case c == '$' && o.variables && strings.HasPrefix(text[i:], "${"):
			length := strings.IndexByte(text[i:], '}')
			if length < 0 || !p.variable(text[i+2:i+length]) {
				return pattern{}, false
			}
			i += length
		default:
			p.elements = append(p.elements, element(c))
		}
	}
	p.classify()
	return p, true
}

// variable adds what stands between "${" and "}".
func (p *pattern) variable(inner string) bool {
	if inner == "*" || inner == "?" || inner == "$" {
		p.elements = append(p.elements, element(inner[0]))
		return true
	}
	name, fallback, has := strings.Cut(inner, ",")
	name = strings.TrimSpace(name)
	if has {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return false
		}
		fallback = fallback[1 : len(fallback)-1]
	}
	if name == "" || strings.ContainsAny(name, "*?${'") || len(p.variables) == maxVars {
		return false
	}
	p.elements = append(p.elements, firstVar+element(len(p.variables)))
	p.variables = append(p.variables, variable{key: strings.ToLower(name), written: name, fallback: fallback, has: has})
	return true
}

// classify finds the cheapest way to compare.
func (p *pattern) classify() {
	literal := make([]byte, 0, len(p.elements))
	for _, e := range p.elements {
		if e > 0xff {
			break
		}
		literal = append(literal, byte(e))
	}
	rest := p.elements[len(literal):]
	switch {
	case len(p.variables) > 0:
		p.form = formVars
	case len(rest) == 0:
		p.form, p.text = formExact, string(literal)
	case len(rest) == 1 && rest[0] == star && len(literal) == 0:
		p.form = formAny
	case len(rest) == 1 && rest[0] == star:
		p.form, p.text = formPrefix, string(literal)
	default:
		p.form = formGlob
	}
}

// lookup finds the single value of a variable; false when there is none.
type lookup interface {
	variable(key string) (string, bool)
}

// match compares a text with the pattern. A variable without a value makes the pattern match nothing.
func (p *pattern) match(text string, values lookup) bool {
	switch p.form {
	case formAny:
		return true
	case formExact:
		return text == p.text
	case formPrefix:
		return strings.HasPrefix(text, p.text)
	case formGlob:
		return glob(p.elements, text)
	case formVars:
		elements, ok := p.expand(values)
		return ok && glob(elements, text)
	}
	return false
}

// expand replaces the variables by their values, whose characters are literal: a tag whose value is "*" is no wildcard.
func (p *pattern) expand(values lookup) ([]element, bool) {
	out := make([]element, 0, len(p.elements)+32)
	for _, e := range p.elements {
		if e < firstVar {
			out = append(out, e)
			continue
		}
		v := &p.variables[e-firstVar]
		value, ok := values.variable(v.key)
		if !ok {
			if !v.has {
				return nil, false
			}
			value = v.fallback
		}
		for i := 0; i < len(value); i++ {
			out = append(out, element(value[i]))
		}
	}
	return out, true
}

// literal is the pattern's text where wildcards mean nothing; false when a variable has no value.
func (p *pattern) literal(values lookup) (string, bool) {
	if p.form == formExact {
		return p.text, true
	}
	elements, ok := p.expand(values)
	if !ok {
		return "", false
	}
	out := make([]byte, len(elements))
	for i, e := range elements {
		out[i] = byte(e)
	}
	return string(out), true
}

// glob matches without recursion: on a mismatch the last star takes one character more. That is linear in the text for
// each star, so no pattern can make it explode.
func glob(p []element, text string) bool {
	var pi, ti int
	lastStar, resume := -1, 0
	for ti < len(text) {
		if pi < len(p) {
			switch e := p[pi]; {
			case e == star:
				lastStar, resume = pi, ti
				pi++
				continue
			case e == one:
				_, size := utf8.DecodeRuneInString(text[ti:])
				pi, ti = pi+1, ti+size
				continue
			case e == element(text[ti]):
				pi, ti = pi+1, ti+1
				continue
			}
		}
		if lastStar < 0 {
			return false
		}
		resume++
		pi, ti = lastStar+1, resume
	}
	for pi < len(p) && p[pi] == star {
		pi++
	}
	return pi == len(p)
}
