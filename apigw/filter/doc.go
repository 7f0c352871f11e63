// SPDX-License-Identifier: Apache-2.0

// Package filter is the Filters parameter of EC2's Describe actions, once for all of them.
//
// An action declares its filters as a Set: filter name to a function that returns a row's values. Parse checks what
// the caller sent against the set; Match then decides row by row. Values of one filter are alternatives, filters are
// joined by and. A value may hold '*' (any text) and '?' (one character); a backslash takes the next character
// literally. Names and values are case sensitive, as AWS documents.
package filter
