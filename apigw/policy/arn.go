// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// arnFields is how many parts an ARN has: arn:partition:service:region:account:resource.
const arnFields = 6

// arn is a request's resource, split once for all statements. What is not an ARN ("*") has only whole.
type arn struct {
	whole string
	parts [arnFields]string
	isARN bool
}

func splitARN(text string) arn {
	a := arn{whole: text}
	if !strings.HasPrefix(text, "arn:") {
		return a
	}
	rest := text
	for i := range arnFields - 1 {
		part, after, ok := strings.Cut(rest, ":")
		if !ok {
			return a
		}
		a.parts[i], rest = part, after
	}
	a.parts[arnFields-1], a.isARN = rest, true
	return a
}

// arnPattern is compared field by field: a wildcard does not reach across a colon, except in the last field. AWS
// completes an ARN with too few fields by wildcards.
type arnPattern struct {
	any      bool // "*"
	segments []pattern
}

// compileARN reads a pattern of resources or of ArnLike; false when a variable in it is none.
func compileARN(text string, o patternOptions) (arnPattern, bool) {
	if text == "*" {
		return arnPattern{any: true}, true
	}
	whole, ok := compilePattern(text, o)
	if !ok {
		return arnPattern{}, false
	}
	out := arnPattern{}
	rest := whole.elements
	for len(out.segments) < arnFields {
		cut := len(rest)
		for i, e := range rest {
			if e == ':' && len(out.segments) < arnFields-1 {
				cut = i
				break
			}
		}
		out.segments = append(out.segments, whole.part(rest[:cut]))
		if cut == len(rest) {
			break
		}
		rest = rest[cut+1:]
	}
	return out, true
}

// part is a piece of a pattern as a pattern of its own.
func (p *pattern) part(elements []element) pattern {
	out := pattern{elements: make([]element, 0, len(elements))}
	for _, e := range elements {
		if e >= firstVar {
			out.variables = append(out.variables, p.variables[e-firstVar])
			e = firstVar + element(len(out.variables)-1)
		}
		out.elements = append(out.elements, e)
	}
	out.classify()
	return out
}

// match compares a resource with the pattern.
func (p *arnPattern) match(a *arn, values lookup) bool {
	if p.any {
		return true
	}
	if !a.isARN {
		return false
	}
	// From the right: the resource tells most patterns apart.
	for i := len(p.segments) - 1; i >= 0; i-- {
		if !p.segments[i].match(a.parts[i], values) {
			return false
		}
	}
	return true
}
