// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"strings"
	"unicode/utf8"

	"github.com/hivecloud/hive/apigw/awserr"
)

// Limits of AWS.
const (
	MaxPerResource = 50
	MaxKey         = 128 // characters
	MaxValue       = 256 // characters
)

// Tag is a key and its value.
type Tag struct{ Key, Value string }

// Check refuses a set of tags that one resource may not be given: bad keys or values, a key twice, more than 50.
// Tags that the resource has already do not count here; the state machine knows them.
func Check(set []Tag) error {
	seen := make(map[string]struct{}, len(set))
	for _, t := range set {
		if err := CheckKey(t.Key); err != nil {
			return err
		}
		if utf8.RuneCountInString(t.Value) > MaxValue || !utf8.ValidString(t.Value) {
			return awserr.InvalidParameterValue("Tag value exceeds the maximum length of %d characters", MaxValue)
		}
		if _, twice := seen[t.Key]; twice {
			return awserr.InvalidParameterValue("Duplicate tag key '%s' specified.", t.Key)
		}
		seen[t.Key] = struct{}{}
	}
	if len(set) > MaxPerResource {
		return TooMany()
	}
	return nil
}

// CheckKey refuses a key that a caller may not set or delete.
func CheckKey(key string) error {
	switch {
	case key == "":
		return awserr.InvalidParameterValue("Tag key cannot be null or empty")
	case !utf8.ValidString(key) || utf8.RuneCountInString(key) > MaxKey:
		return awserr.InvalidParameterValue("Tag key exceeds the maximum length of %d characters", MaxKey)
	case Reserved(key):
		return awserr.InvalidParameterValue("Tag keys starting with 'aws:' are reserved for internal use")
	}
	return nil
}

// Reserved reports whether the key belongs to AWS: it may be read, never written.
func Reserved(key string) bool {
	return len(key) >= 4 && strings.EqualFold(key[:4], "aws:")
}

// TooMany is the error for a resource that would have more than 50 tags.
func TooMany() error {
	return awserr.New("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}
