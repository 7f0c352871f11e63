// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hivecloud/hive/apigw/awserr"
)

// enum is one of the SDK's string enumerations.
type enum[T ~string] interface {
	~string
	Values() []T
}

// checkEnum refuses a value that the enumeration does not have. Absent is not a value.
func checkEnum[T enum[T]](name string, v T) error {
	if v == "" || slices.Contains(v.Values(), v) {
		return nil
	}
	return awserr.InvalidParameterValue("Invalid value '%s' for %s", string(v), name)
}

// counts lists numbers for a message: "1, 2 or 4".
func counts(n []int) string {
	var words []string
	for _, v := range n {
		words = append(words, strconv.Itoa(v))
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// firstError is the first error of a list of checks; the checks have no effects.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
