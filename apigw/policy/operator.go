// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// family is what an operator compares.
type family uint8

const (
	familyString family = iota
	familyFold          // strings, whatever their case
	familyLike          // strings with wildcards
	familyNumeric
	familyDate
	familyBool
	familyBinary
	familyIP
	familyARN
	familyNull
)

// relation is what an operator of an ordered family asks.
type relation uint8

const (
	equal relation = iota
	less
	lessEqual
	greater
	greaterEqual
)

// operator is a condition operator without quantifier and IfExists.
type operator struct {
	family   family
	relation relation
	negated  bool // true when the key is missing, and when no value matches
}

var operators = map[string]operator{
	"StringEquals":              {family: familyString},
	"StringNotEquals":           {family: familyString, negated: true},
	"StringEqualsIgnoreCase":    {family: familyFold},
	"StringNotEqualsIgnoreCase": {family: familyFold, negated: true},
	"StringLike":                {family: familyLike},
	"StringNotLike":             {family: familyLike, negated: true},
	"NumericEquals":             {family: familyNumeric},
	"NumericNotEquals":          {family: familyNumeric, negated: true},
	"NumericLessThan":           {family: familyNumeric, relation: less},
	"NumericLessThanEquals":     {family: familyNumeric, relation: lessEqual},
	"NumericGreaterThan":        {family: familyNumeric, relation: greater},
	"NumericGreaterThanEquals":  {family: familyNumeric, relation: greaterEqual},
	"DateEquals":                {family: familyDate},
	"DateNotEquals":             {family: familyDate, negated: true},
	"DateLessThan":              {family: familyDate, relation: less},
	"DateLessThanEquals":        {family: familyDate, relation: lessEqual},
	"DateGreaterThan":           {family: familyDate, relation: greater},
	"DateGreaterThanEquals":     {family: familyDate, relation: greaterEqual},
	"Bool":                      {family: familyBool},
	"BinaryEquals":              {family: familyBinary},
	"IpAddress":                 {family: familyIP},
	"NotIpAddress":              {family: familyIP, negated: true},
	"ArnEquals":                 {family: familyARN},
	"ArnLike":                   {family: familyARN},
	"ArnNotEquals":              {family: familyARN, negated: true},
	"ArnNotLike":                {family: familyARN, negated: true},
	"Null":                      {family: familyNull},
}

// operand is one value of a condition, compiled for the operator's family.
type operand struct {
	pattern pattern // strings
	arn     arnPattern
	number  float64
	date    time.Time
	flag    bool
	binary  string
	prefix  netip.Prefix
}

// compileOperand reads a condition's value; false when it is none of the family.
func compileOperand(f family, text string, variables bool) (operand, bool) {
	var o operand
	ok := true
	var err error
	switch f {
	case familyString, familyFold:
		o.pattern, ok = compilePattern(text, patternOptions{variables: variables})
	case familyLike:
		o.pattern, ok = compilePattern(text, patternOptions{wildcards: true, variables: variables})
	case familyARN:
		o.arn, ok = compileARN(text, patternOptions{wildcards: true, variables: variables})
	case familyNumeric:
		o.number, err = strconv.ParseFloat(text, 64)
	case familyDate:
		o.date, ok = parseDate(text)
	case familyBool, familyNull:
		o.flag, ok = parseBool(text)
	case familyBinary:
		var decoded []byte
		decoded, err = base64.StdEncoding.DecodeString(text)
		o.binary = string(decoded)
	case familyIP:
		o.prefix, ok = parsePrefix(text)
	}
	return o, ok && err == nil
}

// compare reports whether a request's value is what the operand asks for.
func (o *operand) compare(op operator, value string, values lookup) bool {
	switch op.family {
	case familyString, familyLike:
		return o.pattern.match(value, values)
	case familyFold:
		text, ok := o.pattern.literal(values)
		return ok && strings.EqualFold(text, value)
	case familyARN:
		a := splitARN(value)
		return o.arn.match(&a, values)
	case familyNumeric:
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && op.relation.holds(compareNumbers(n, o.number))
	case familyDate:
		t, ok := parseDate(value)
		return ok && op.relation.holds(t.Compare(o.date))
	case familyBool:
		b, ok := parseBool(value)
		return ok && b == o.flag
	case familyBinary:
		decoded, err := base64.StdEncoding.DecodeString(value)
		return err == nil && string(decoded) == o.binary
	case familyIP:
		address, err := netip.ParseAddr(value)
		return err == nil && o.prefix.Contains(address.Unmap().WithZone(""))
	}
	return false
}

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r relation) holds(order int) bool {
	switch r {
	case less:
		return order < 0
	case lessEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterEqual:
		return order >= 0
	}
	return order == 0
}

// dateForms are those of W3C's profile of ISO 8601 that AWS takes, besides seconds since 1970.
var dateForms = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01", "2006"}

// parseDate reads a date; a number of four digits is a year.
func parseDate(text string) (time.Time, bool) {
	for _, form := range dateForms {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < -1<<40 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

func parseBool(text string) (value, ok bool) {
	switch {
	case strings.EqualFold(text, "true"):
		return true, true
	case strings.EqualFold(text, "false"):
		return false, true
	}
	return false, false
}

func parsePrefix(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}
