// SPDX-License-Identifier: Apache-2.0

package page

import (
	"cmp"
	"slices"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Range is what an action allows. AWS documents it per action; most EC2 actions use 5 to 1000.
type Range struct {
	Min, Max int
	Default  int  // page size when the caller names none; 0 answers everything
	Clamp    bool // "if larger than 1000, only 1000 results are returned": no error above Max
}

// EC2 is the range of most EC2 actions.
var EC2 = Range{Min: 5, Max: 1000}

// IAM is the range of IAM's List actions.
var IAM = Range{Min: 1, Max: 1000, Default: 100}

// Request is what the caller asked for, taken from an input.
type Request struct {
	MaxResults *int32
	NextToken  *string
	// IDs is set when the caller named resources, which excludes MaxResults: "instancesSet", as AWS calls the list in
	// its message. Empty when no ids were named or the action allows both.
	IDs string
	// Query selects IAM's words for errors (MaxItems, Marker, ValidationError).
	Query bool
}

// Check refuses a page size outside the range and ids together with one.
func (r Request) Check(limits Range) error {
	if r.MaxResults == nil {
		return nil
	}
	if r.IDs != "" {
		return awserr.InvalidParameterCombination("The parameter %s cannot be used with the parameter maxResults", r.IDs)
	}
	n := int(*r.MaxResults)
	switch {
	case n < limits.Min && r.Query:
		return awserr.ValidationError("1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to %d", n, limits.Min)
	case n > limits.Max && r.Query:
		return awserr.ValidationError("1 validation error detected: Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to %d", n, limits.Max)
	case n < limits.Min:
		return awserr.InvalidParameterValue("Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than %d.", n, limits.Min)
	case n > limits.Max && !limits.Clamp:
		return awserr.InvalidParameterValue("Value ( %d ) for parameter maxResults is invalid. Expecting a value less than %d.", n, limits.Max)
	}
	return nil
}

// Cut returns one page of rows in the order of their ids, and the token of the next page (nil at the end).
// scope is who may use the token and for what: account and action. rows is not changed.
func Cut[R any](t *Tokens, scope string, rows []R, id func(R) string, r Request, limits Range) ([]R, *string, error) {
	if err := r.Check(limits); err != nil {
		return nil, nil, err
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b R) int { return cmp.Compare(id(a), id(b)) })
	if r.NextToken != nil && *r.NextToken != "" {
		last, ok := t.Open(scope, *r.NextToken)
		if !ok {
			return nil, nil, r.badToken()
		}
		first, found := slices.BinarySearchFunc(rows, last, func(row R, last string) int { return cmp.Compare(id(row), last) })
		if found {
			first++
		}
		rows = rows[first:]
	}
	size := limits.Default
	if r.MaxResults != nil {
		size = min(int(*r.MaxResults), limits.Max)
	}
	if size == 0 || len(rows) <= size {
		return rows, nil, nil
	}
	next := t.Seal(scope, id(rows[size-1]))
	return rows[:size:size], &next, nil
}

func (r Request) badToken() error {
	if r.Query {
		return awserr.ValidationError("Invalid Marker.")
	}
	token := *r.NextToken
	if len(token) > 64 {
		token = token[:64] + "..."
	}
	return awserr.InvalidParameterValue("Value ( %s ) for parameter NextToken is invalid. The token is invalid.", token)
}
