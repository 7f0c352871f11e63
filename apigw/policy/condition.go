// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// quantifier is how a condition looks at a key that has several values.
type quantifier uint8

const (
	plain quantifier = iota
	forAll
	forAny
)

// condition is one key of one operator.
type condition struct {
	operator   operator
	quantifier quantifier
	ifExists   bool
	key        string // in lower case
	written    string
	operands   []operand
}

// patterns are the condition's texts that may hold variables.
func (c *condition) patterns() []pattern {
	var out []pattern
	for i := range c.operands {
		out = append(out, c.operands[i].pattern)
		out = append(out, c.operands[i].arn.segments...)
	}
	return out
}

// parseOperator reads "ForAnyValue:StringLikeIfExists".
func parseOperator(text string) (condition, bool) {
	c := condition{}
	if rest, ok := strings.CutPrefix(text, "ForAllValues:"); ok {
		c.quantifier, text = forAll, rest
	} else if rest, ok := strings.CutPrefix(text, "ForAnyValue:"); ok {
		c.quantifier, text = forAny, rest
	}
	name, ifExists := strings.CutSuffix(text, "IfExists")
	c.ifExists = ifExists
	var ok bool
	c.operator, ok = operators[name]
	return c, ok && (name != "Null" || !ifExists)
}

// parseConditions reads the value of Condition.
func parseConditions(n node, variables bool) ([]condition, error) {
	if n.shape != shapeObject {
		return nil, malformed(msgSyntax)
	}
	var out []condition
	for _, op := range n.members {
		form, ok := parseOperator(op.name)
		if !ok || op.value.shape != shapeObject {
			return nil, malformed(msgSyntax)
		}
		for _, m := range op.value.members {
			if !strings.Contains(m.name, ":") {
				return nil, malformed(msgVendor)
			}
			values, ok := m.value.scalars(true)
			if !ok {
				return nil, malformed(msgSyntax)
			}
			c := form
			c.key, c.written = strings.ToLower(m.name), m.name
			for _, v := range values {
				o, ok := compileOperand(c.operator.family, v, variables)
				if !ok && c.operator.family == familyDate {
					return nil, malformed(msgLegacy)
				}
				if !ok {
					return nil, malformed(msgSyntax)
				}
				c.operands = append(c.operands, o)
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// holds decides the condition for a request.
func (c *condition) holds(r *evaluation) bool {
	values := r.values(c.key)
	if c.operator.family == familyNull {
		return len(c.operands) > 0 && c.operands[0].flag == (len(values) == 0)
	}
	if len(values) == 0 {
		switch {
		case c.ifExists || c.quantifier == forAll:
			return true
		case c.quantifier == forAny:
			return false
		}
		return c.operator.negated
	}
	// Without a quantifier one of several values is enough to match; a negated operator wants none to.
	all := c.quantifier == forAll || c.quantifier == plain && c.operator.negated
	for _, v := range values {
		if c.matches(v, r) != c.operator.negated {
			if !all {
				return true
			}
			continue
		}
		if all {
			return false
		}
	}
	return all
}

// matches reports whether one of the condition's values fits the request's value.
func (c *condition) matches(value string, r *evaluation) bool {
	for i := range c.operands {
		if c.operands[i].compare(c.operator, value, r) {
			return true
		}
	}
	return false
}
